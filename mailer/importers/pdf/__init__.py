"""PDF: signs with a place on a page become lines, columns, paragraphs, and these the blocks that were set."""
