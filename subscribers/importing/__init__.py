"""Lists of addresses as people keep them, read into the database: any encoding, any program's columns, every row accounted for."""
