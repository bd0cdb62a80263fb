"""Subscribers as files: CSV, XLSX and JSON lines that come back in without a difference."""
