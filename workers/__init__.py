"""WHEN: Celery, the scheduler's tick, and nothing that decides about business."""
