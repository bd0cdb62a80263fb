"""An issue as one Markdown file that holds everything of it: written to be edited, and read back exactly."""

from mailer.manuscript.reading import is_manuscript, pictures_in, read_manuscript
from mailer.manuscript.writing import write_manuscript

__all__ = ["is_manuscript", "pictures_in", "read_manuscript", "write_manuscript"]
