"""Reports about a domain's mail as a whole: DMARC (RFC 9990) and TLS (RFC 8460). They name no recipient."""

from __future__ import annotations

import re

from mailer.feedback.mime import Part

_SUBJECT = re.compile(r"^\s*(?:\[preview\]\s*)?report\s+domain:\s*\S+\s+submitter:\s*\S+", re.IGNORECASE)
_DMARC_FILE = re.compile(
    r"[\w.\-]+![\w.\-]+!\d{9,11}!\d{9,11}(?:![\w.\-]+)?\.(?:xml|json)(?:\.gz)?|[\w.\-]+!\d{9,11}!\d{9,11}[\w.!\-]*\.zip",
    re.IGNORECASE,
)
_TLS = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})


def is_aggregate(message: Part, subject: str) -> bool:
    """Whether the message carries such a report, by its subject, its file's name or its media type."""
    if _SUBJECT.match(subject) or message.parameters.get("report-type", "").lower() == "tlsrpt":
        return True
    return any(part.type in _TLS or bool(_DMARC_FILE.search(_file_name(part))) for part in message.walk())


def _file_name(part: Part) -> str:
    return f"{part.parameters.get('name', '')} {part.fields.get('content-disposition')}"
