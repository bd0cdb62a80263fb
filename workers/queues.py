"""The names that the broker knows: the tasks, and their queue."""

SEND_BATCH = "jianbao.send_batch"
SEND_NOTICES = "jianbao.send_notices"
QUEUE = "jianbao.batches"
