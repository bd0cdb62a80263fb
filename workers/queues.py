"""The names that the broker knows: one task, one queue."""

SEND_BATCH = "jianbao.send_batch"
QUEUE = "jianbao.batches"
