"""Faults of every kind while a mailing is sent: at random by `python -m tests.chaos`, one by one in the tests beside it."""
