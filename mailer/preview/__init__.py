"""Seeing an issue before it leaves: the mail at several widths, in both schemes, and as programs would strip it."""
