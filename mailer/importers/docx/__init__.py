"""DOCX: what Word and WPS write, read from its XML, with nothing of it run, opened or fetched."""
