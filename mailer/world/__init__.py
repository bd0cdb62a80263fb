"""The mail world on this machine that the demo and the tests send to.

Servers that behave like providers, and readers that open, click and leave. Everything is decided by a seed, and the world
keeps its own ledger, so that what the sender believes can be held against what the servers counted.
"""
