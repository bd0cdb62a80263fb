"""What Alembic runs: always on the connection that it was handed."""

from alembic import context

from mailer import feedback_models as _feedback  # noqa: F401 - the tables must be known
from mailer import models as _models  # noqa: F401
from mailer import notice_models as _notices  # noqa: F401
from mailer import reader_models as _readers  # noqa: F401
from subscribers import tasks as _tasks  # noqa: F401
from subscribers.db import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
