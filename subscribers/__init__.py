"""WHO may be written to: institutes, subscribers, lists, consent, suppression. Knows nothing of mail or queues."""
