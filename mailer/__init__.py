"""WHAT is sent and HOW it leaves: issues, editions, messages, SMTP, the record of each delivery."""
