"""What comes back, on record: kept as it arrived, read, placed with the delivery that it speaks of, decided upon, explained.

The readers themselves are in `mailer.feedback`, the rule in `mailer.judgement`.
"""
