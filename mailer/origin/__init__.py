"""Whether a person or a machine asked for a picture or a link: told from the request and from those around it, by a table."""

from mailer.origin.judging import Judgement, RawHit, judge
from mailer.origin.network import network_of
from mailer.origin.table import OriginTable

__all__ = ["Judgement", "OriginTable", "RawHit", "judge", "network_of"]
