"""How content is written into the octets of a message."""
