"""Segments: a small, closed language for saying which subscribers are meant.

tree · tokens · parsing · printing are pure; vocabulary says what may be spoken of, and words which columns that is; selecting makes
the statement; saved keeps expressions by name. What mail knows of subscribers is handed in as more vocabulary.
"""
