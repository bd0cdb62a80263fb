"""What became of a mailing: counted from its rows, and set as a page that a director reads and prints."""

from mailer.report.counting import Report, mailing_report
from mailer.report.page import render_report_html

__all__ = ["Report", "mailing_report", "render_report_html"]
