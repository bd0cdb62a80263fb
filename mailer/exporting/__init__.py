"""An issue taken out as a page or as a Word file, for people to read and to edit; both import back to the same issue."""

from mailer.exporting.page import write_page
from mailer.exporting.word import write_docx
from mailer.exporting.word_styles import Dress

__all__ = ["Dress", "write_docx", "write_page"]
