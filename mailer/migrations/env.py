"""What Alembic runs: always on the connection that it was handed."""

from alembic import context

from mailer import models as _models  # noqa: F401 - the tables must be known
from subscribers.db import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
