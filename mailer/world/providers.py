"""Who the world plays: providers, known by the domain under `example` (RFC 2606), which no mail can ever reach.

The world keeps its own list and imports nothing of the system that it judges, so that a mistake there cannot cancel out here.
"""

from __future__ import annotations

from enum import StrEnum


class Provider(StrEnum):
    """Who runs a recipient's mailboxes, and so words the replies."""

    TENCENT = "tencent"
    NETEASE = "netease"
    COREMAIL = "coremail"
    ALIYUN = "aliyun"
    SINA = "sina"
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    OTHER = "other"


_BY_LABEL = {
    "qq": Provider.TENCENT,
    "foxmail": Provider.TENCENT,
    "exmail": Provider.TENCENT,
    "163": Provider.NETEASE,
    "126": Provider.NETEASE,
    "yeah": Provider.NETEASE,
    "ac": Provider.COREMAIL,
    "edu": Provider.COREMAIL,
    "aliyun": Provider.ALIYUN,
    "sina": Provider.SINA,
    "gmail": Provider.GOOGLE,
    "outlook": Provider.MICROSOFT,
}


def provider_of(address: str) -> Provider:
    """The provider played for `address`: by the label before `.example`, as in qq.example or ynjx.ac.example."""
    labels = address.rpartition("@")[2].lower().split(".")
    return _BY_LABEL.get(labels[-2], Provider.OTHER) if len(labels) > 1 else Provider.OTHER
