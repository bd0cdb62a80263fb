"""Postmark: one JSON object a request, no signature; its requests carry the user and password in the address given to it.

https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, at, moment, objects, parse_json, refuse_inbound, strings, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_OF_RECORD: Mapping[str, Happening] = MappingProxyType(
    {
        "Delivery": Happening.DELIVERED,
        "Open": Happening.OPENED,
        "Click": Happening.CLICKED,
        "SpamComplaint": Happening.COMPLAINED,
        "SubscriptionChange": Happening.UNSUBSCRIBED,
        "Bounce": Happening.BOUNCED,
    }
)
# https://postmarkapp.com/developer/api/bounce-api#bounce-types
_OF_BOUNCE: Mapping[str, Happening] = MappingProxyType(
    {
        "Transient": Happening.DEFERRED,
        "DnsError": Happening.DEFERRED,
        "Unsubscribe": Happening.UNSUBSCRIBED,
        "Subscribe": Happening.SUBSCRIBED,
        "AutoResponder": Happening.AUTORESPONDED,
        "AddressChange": Happening.AUTORESPONDED,
        "OpenRelayTest": Happening.UNKNOWN,
        "ChallengeVerification": Happening.AUTORESPONDED,
        "SpamComplaint": Happening.COMPLAINED,
        "VirusNotification": Happening.BOUNCED,
        "ManuallyDeactivated": Happening.REJECTED,
        "SMTPApiError": Happening.FAILED,
        "TemplateRenderingFailed": Happening.FAILED,
        "InboundError": Happening.UNKNOWN,
        "DMARCPolicy": Happening.REJECTED,
    }
)
# Why an address came onto the list of those that Postmark writes to no more; ManualSuppression is also a reader's own wish.
# https://postmarkapp.com/developer/webhooks/subscription-change-webhook
_OF_SUPPRESSION: Mapping[str, Happening] = MappingProxyType(
    {"HardBounce": Happening.BOUNCED, "SpamComplaint": Happening.COMPLAINED}
)
_HARD = frozenset({"HardBounce", "BadEmailAddress"})
_TIMES = ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    refuse_inbound("RecordType" not in item and ("FromFull" in item or "MailboxHash" in item))
    type_ = text(item, "Type")
    happening = _OF_RECORD.get(text(item, "RecordType"), Happening.UNKNOWN)
    if happening is Happening.BOUNCED:
        happening = _OF_BOUNCE.get(type_, Happening.BOUNCED)
    suppressed_for = text(item, "SuppressionReason")
    if text(item, "RecordType") == "SubscriptionChange":
        suppressed = at(item, "SuppressSending") is True
        happening = _OF_SUPPRESSION.get(suppressed_for, happening) if suppressed else Happening.SUBSCRIBED
    fact = Fact(
        happening,
        address(item, "Email") or address(item, "Recipient"),
        diagnostic=text(item, "Details") or text(item, "Description"),
        at=next(filter(None, (moment(item, key) for key in _TIMES)), None),
        event_id=text(item, "ID"),
        url=text(item, "OriginalLink"),
        user_agent=text(item, "UserAgent"),
        tags=texts(item, "Tag"),
        metadata=strings(at(item, "Metadata")),
    )
    return sealed(fact, judge, message_ids=(text(item, "MessageID"),), hard=(type_ or suppressed_for) in _HARD)


SERVICE = Service("postmark", "Postmark", Proof.NONE, verify=by_password, read=_read)
