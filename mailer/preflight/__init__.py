"""Preflight: what must be true of the octets of a message before they leave. One function a rule, all of them pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailer.preflight.body import (
    alternative_order,
    attachment_policy,
    base64_lines,
    charset_utf8,
    html_size,
    text_part_nonempty,
)
from mailer.preflight.content import (
    images_have_alt_and_width,
    links_https_and_allowed,
    no_template_residue,
    unsubscribe_at_both_ends,
    unsubscribe_visible_in_both_parts,
)
from mailer.preflight.finding import Context, Fault, Finding, Level
from mailer.preflight.headers import (
    date_sane,
    encoded_words_legal,
    from_single,
    list_id_exact,
    list_unsub_pair,
    message_id_present_and_ours,
    structured_headers_ascii,
)
from mailer.preflight.message import Message, read_message
from mailer.preflight.octets import (
    crlf_only,
    header_fold_not_after_colon,
    max_line_998,
    no_forbidden_headers,
    seven_bit,
    singleton_headers,
)
from mailer.preflight.signature import dkim_aligned, dkim_covers, dkim_no_l

__all__ = ["RULES", "Context", "Finding", "Level", "check"]

RULES: tuple[Callable[[Message, Context], Iterator[Fault]], ...] = (
    crlf_only,
    max_line_998,
    seven_bit,
    singleton_headers,
    header_fold_not_after_colon,
    encoded_words_legal,
    structured_headers_ascii,
    date_sane,
    message_id_present_and_ours,
    from_single,
    list_id_exact,
    list_unsub_pair,
    dkim_covers,
    dkim_aligned,
    dkim_no_l,
    alternative_order,
    charset_utf8,
    base64_lines,
    html_size,
    text_part_nonempty,
    links_https_and_allowed,
    images_have_alt_and_width,
    unsubscribe_visible_in_both_parts,
    unsubscribe_at_both_ends,
    no_forbidden_headers,
    no_template_residue,
    attachment_policy,
)


def check(message: bytes, context: Context) -> tuple[Finding, ...]:
    """All that is wrong with `message`, the octets as they would leave, in the order of the rules; never raises."""
    read = read_message(message)
    return tuple(
        Finding(rule.__name__, fault.level, fault.place, fault.message, fault.cure)
        for rule in RULES
        for fault in rule(read, context)
    )
