"""Three machines made of network namespaces, one of which loses its network and another its power while a mailing is sent."""
