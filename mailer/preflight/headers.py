"""Rules for single header fields."""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

from mailer.preflight.finding import Context, Fault, error
from mailer.preflight.message import Message
from mailer.preflight.names import FREE_MAIL, STRUCTURED, WITH_BRACKETS
from mailer.preflight.urls import is_secure, is_web, within
from mailer.preflight.wire import HeaderField

_ENCODED_WORD = re.compile(r"=\?([^?\s]*)\?([^?\s]*)\?([^?\s]*)\?=")
_MAX_ENCODED_WORD = 75  # RFC 2047 §2
_MAX_ENCODED_LINE = 76
_MESSAGE_ID = re.compile(r"<[^\s<>@]+@([^\s<>@]+)>")
_ONE_CLICK = "List-Unsubscribe=One-Click"


def encoded_words_legal(message: Message, context: Context) -> Iterator[Fault]:
    """Every encoded-word can be read by itself, has its length, and stands where one may stand (RFC 2047)."""
    for field in message.root.fields:
        if "=?" in field.value and field.key not in STRUCTURED:
            for fault in _encoded_word_faults(field):
                yield error(f"header {field.name}", fault, "Encode in B, in UTF-8, cut between characters (RFC 2047 §2, §5).")


def structured_headers_ascii(message: Message, context: Context) -> Iterator[Fault]:
    """Identifiers, URLs and addresses are plain ASCII; encoded, no mail program finds the unsubscribe link in them."""
    for field in message.root.fields:
        exposed = field.value if field.key in STRUCTURED else " ".join(re.findall(r"<[^<>]*>", field.value))
        if field.key not in STRUCTURED | WITH_BRACKETS:
            continue
        if "=?" in exposed or not exposed.replace("\t", " ").isprintable() or not exposed.isascii():
            yield error(
                f"header {field.name}", "encoded or not ASCII where only plain ASCII is read", "Write it in plain ASCII."
            )


def date_sane(message: Message, context: Context) -> Iterator[Fault]:
    """There is a Date with a zone, and it is today."""
    value = message.root.value("date")
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        yield error(
            "header Date", "missing or not a date" if value else "missing", "Set it when the message is made (RFC 5322 §3.6.1)."
        )
        return
    if date.tzinfo is None:
        yield error("header Date", f"{value!r} has no zone", "Give an offset such as +0800.")
    elif abs(context.now - date) > timedelta(days=1):
        yield error(
            "header Date", f"{value!r} is more than a day from now", "Set it when the message is made, and check the clock."
        )


def message_id_present_and_ours(message: Message, context: Context) -> Iterator[Fault]:
    """There is a Message-ID, and its domain is ours."""
    ours = context.message_id_domain or (_mailboxes(message.root.value("from"))[0].rpartition("@")[2])
    found = _MESSAGE_ID.fullmatch(message.root.value("message-id"))
    if not found:
        yield error(
            "header Message-ID",
            "missing or not of the form <left@right>",
            "Give each delivery one of its own (RFC 5322 §3.6.4).",
        )
    elif not within(found[1], ours):
        yield error("header Message-ID", f"its domain is {found[1]}", f"Use {ours}.")


def from_single(message: Message, context: Context) -> Iterator[Fault]:
    """From names exactly one mailbox, and it is not at a provider of free mail."""
    mailboxes = [mailbox for field in message.root.all("from") for mailbox in _mailboxes(field.value)]
    if len(mailboxes) != 1 or "@" not in mailboxes[0]:
        yield error("header From", f"{len(mailboxes)} mailboxes", "Name exactly one, like 名称 <name@host> (RFC 5322 §3.6.2).")
    elif (domain := mailboxes[0].rpartition("@")[2].lower()) in FREE_MAIL:
        yield error("header From", f"{domain} does not let others send in its name", "Send from a domain of your own.")


def list_id_exact(message: Message, context: Context) -> Iterator[Fault]:
    """List-Id is the list's, letter by letter: recipients' filters hang on it."""
    found = re.fullmatch(r"(?:[^<>]*\s)?<([^<>\s]+)>", message.root.value("list-id"))
    if context.list_id is not None and (not found or found[1] != context.list_id):
        yield error(
            "header List-Id",
            f"{found[1] if found else 'missing or malformed'}",
            f"It must end with <{context.list_id}> (RFC 2919).",
        )


def list_unsub_pair(message: Message, context: Context) -> Iterator[Fault]:
    """One HTTPS address takes the one-click request, and the second field announces it (RFC 8058 §3.1)."""
    if context.list_id is None:
        if message.root.all("list-unsubscribe"):
            yield error("header List-Unsubscribe", "stands in a message of no list", "Leave it out.")
        return
    value = message.root.value("list-unsubscribe")
    targets = re.findall(r"<([^<>]*)>", value)
    web = [target for target in targets if is_web(target)]
    if not re.fullmatch(r"<[^<>\s]+>(\s*,\s*<[^<>\s]+>)*", value) or len(web) != 1 or targets[0] != web[0]:
        yield error("header List-Unsubscribe", f"{len(web)} web addresses", "Write <https://…> first, then at most <mailto:…>.")
    elif not is_secure(web[0], context):
        yield error("header List-Unsubscribe", "its web address is not HTTPS", "Use an https:// address (RFC 8058 §3.1).")
    if message.root.value("list-unsubscribe-post") != _ONE_CLICK:
        yield error("header List-Unsubscribe-Post", "missing or different", f"It must be exactly {_ONE_CLICK}.")


def _encoded_word_faults(field: HeaderField) -> Iterator[str]:
    text = re.sub(r"<[^<>]*>", " ", field.value) if field.key in WITH_BRACKETS else field.value
    words = list(_ENCODED_WORD.finditer(text))
    if text.count("=?") > sum(word.group().count("=?") for word in words):
        yield "a broken encoded-word"
    for word in words:
        if len(word.group()) > _MAX_ENCODED_WORD:
            yield f"an encoded-word of {len(word.group())} characters, and 75 are allowed"
        if fault := _content_fault(*word.groups()):
            yield fault
        if text[: word.start()].replace('\\"', "").count('"') % 2:
            yield "an encoded-word inside quotation marks"
        if text[: word.start()][-1:] not in {"", " ", "\t", "("} or text[word.end() :][:1] not in {"", " ", "\t", ")"}:
            yield "an encoded-word without white space beside it"
    for number, line in enumerate(re.split(rb"\r?\n", field.raw)):
        length = len(line) + (len(field.name) + 1 if number == 0 else 0)
        if b"=?" in line and length > _MAX_ENCODED_LINE:
            yield f"a line of {length} characters with an encoded-word, and 76 are allowed"


def _content_fault(charset: str, encoding: str, content: str) -> str | None:
    if charset.lower() != "utf-8":
        return f"an encoded-word in {charset or 'no charset'}"
    if not content:
        return "an empty encoded-word"
    try:
        if encoding.lower() == "b":
            binascii.a2b_base64(content, strict_mode=True).decode("utf-8")
        elif encoding.lower() == "q":
            quopri.decodestring(content, header=True).decode("utf-8")
        else:
            return f"an encoded-word in the encoding {encoding!r}"
    except ValueError:
        return "an encoded-word that cuts a character or is not what it says"
    return None


def _mailboxes(value: str) -> list[str]:
    """The addr-specs of an address list; commas and brackets in quoted strings and comments do not count."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", value)
    bare = re.sub(r"\([^()]*\)", "", bare)
    angle = [re.search(r"<([^<>]*)>", mailbox) for mailbox in bare.split(",")]
    return [(found[1] if found else mailbox).strip() for found, mailbox in zip(angle, bare.split(","), strict=True)]
