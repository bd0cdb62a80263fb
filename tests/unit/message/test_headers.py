import re
from base64 import b64decode
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.headers import addr_spec, mailbox_field, plain_line, structured_field, unstructured_field
from subscribers.errors import InputError
from tests.unit.message.texts import ANYTHING, LINES

BREAKING = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029", "\ud800", "\udfff"]
BIDIRECTIONAL = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
NAMES = st.sampled_from(["Subject", "From", "To", "List-Id", "Organization"])


def parsed(field: bytes, name: str):
    return message_from_bytes(field + b"\r\n\r\n", policy=policy.default)[name]


def faults(field: bytes) -> list[str]:
    """What RFC 5322 and RFC 2047 forbid, read from the octets alone."""
    found = []
    text = field.decode("ascii")
    lines = text.split("\r\n")
    if any("\r" in line or "\n" in line for line in lines):
        found.append("a bare CR or LF")
    if any(not line.startswith(" ") or not line.strip() for line in lines[1:]):
        found.append("a fold that does not continue the field")
    if not re.match(r"[A-Za-z-]+: ", lines[0]) or (len(lines) > 1 and lines[0].rstrip().endswith(":")):
        found.append("a fold after the colon")
    for line in lines:
        words = re.findall(r"=\?[^?]*\?[^?]*\?[^?]*\?=", line)
        if words and len(line) > 76:
            found.append(f"an encoded-word on a line of {len(line)}")
        for word in words:
            charset, encoding, content = word[2:-2].split("?")
            if (charset, encoding) != ("UTF-8", "B") or len(word) > 75 or not content:
                found.append(f"an illegal encoded-word {word}")
            b64decode(content, validate=True).decode("utf-8")  # raises where a character was cut
            if not re.search(rf"(^|[ ]){re.escape(word)}($|[ ])", line):
                found.append(f"an encoded-word without white space around it: {line}")
    return found


@given(NAMES, LINES)
def test_free_text_is_legal_and_comes_back_unchanged(name, text):
    field = unstructured_field(name, text)
    assert faults(field) == []
    value = re.sub(r"\r\n(?= )", "", field.decode()).removeprefix(f"{name}: ")
    assert str(make_header(decode_header(value))) == text


@given(LINES.filter(lambda text: text == text.strip()))
def test_the_standard_parser_reads_the_same_subject(text):
    assert str(parsed(unstructured_field("Subject", text), "Subject")) == text


@given(NAMES, LINES)
def test_a_mailbox_is_legal_and_never_becomes_two(name, phrase):
    field = mailbox_field(name, phrase, "zhang.san@example.org")
    assert faults(field) == []
    value = re.sub(r"\r\n(?= )", "", field.decode()).removeprefix(f"{name}: ")
    assert [address.addr_spec for address in parsed(b"To: " + value.encode(), "To").addresses] == ["zhang.san@example.org"]
    # Python 3.11 puts a space between the encoded-words of a display name, so the older half of its package reads the name.
    [(written, address)] = getaddresses([value])
    assert (str(make_header(decode_header(written))), address) == (phrase, "zhang.san@example.org")


@pytest.mark.parametrize(
    ("phrase", "written"),
    [
        ("Zhang San", b"To: Zhang San <a@b.cn>"),
        ("", b"To: <a@b.cn>"),
        ("Zhang, San", b'To: "Zhang, San" <a@b.cn>'),
        ('the "boss" \\', b'To: "the \\"boss\\" \\\\" <a@b.cn>'),
        ("Dr. Zhang", b'To: "Dr. Zhang" <a@b.cn>'),
        ("张三", b"To: =?UTF-8?B?5byg5LiJ?= <a@b.cn>"),
        ("=?UTF-8?B?5byg?=", b"To: =?UTF-8?B?PT9VVEYtOD9CPzVieWc/PQ==?= <a@b.cn>"),
    ],
)
def test_a_display_name_is_written_in_the_plainest_form_that_is_safe(phrase, written):
    assert mailbox_field("To", phrase, "a@b.cn") == written


def test_plain_ascii_is_folded_at_spaces_and_not_encoded():
    field = unstructured_field("Subject", "Proceedings of the annual meeting of research institutes, held in Beijing in August")
    assert b"=?" not in field
    assert field.count(b"\r\n ") == 1
    assert max(map(len, field.split(b"\r\n"))) <= 76


def test_a_structured_field_is_verbatim_and_folds_after_a_comma_alone():
    uris = f"<https://bulletin.example.org/u/{'a' * 90}>, <mailto:leave@example.org?subject=u-{'b' * 40}>"
    field = structured_field("List-Unsubscribe", uris)
    assert field.decode() == f"List-Unsubscribe: {uris}".replace(", ", ",\r\n ")


@given(NAMES, st.sampled_from(BREAKING), LINES, LINES)
def test_what_would_break_a_field_is_refused(name, character, before, after):
    value = before + character + after
    for write in (unstructured_field, structured_field, lambda *of: mailbox_field(*of, "a@b.cn")):
        with pytest.raises(InputError, match=f"{name}: .*U\\+{ord(character):04X}"):
            write(name, value)
    with pytest.raises(InputError):
        mailbox_field(name, "", f"a{character}@b.cn")


def test_a_structured_field_outside_ascii_is_refused():
    with pytest.raises(InputError, match=r"List-Id.*ASCII"):
        structured_field("List-Id", "<简报.example.org>")


@given(ANYTHING)
def test_any_name_becomes_a_plain_line_that_every_field_takes(name):
    line = plain_line(name)
    assert not set(line) & {*BREAKING, *BIDIRECTIONAL}
    assert line == line.strip()
    assert faults(mailbox_field("To", line, "a@b.cn")) == []
    assert plain_line(line) == line


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("张三", "张三"),
        ("  张 三 ", "张 三"),
        ("张三\r\nBcc: x@example.org", "张三 Bcc: x@example.org"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("\u2067张\u2069三\u2028", "张三"),
        ("Zhang\tSan\x00", "Zhang San"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_only_what_breaks_or_hides_is_taken_from_a_name(name, line):
    assert plain_line(name) == line


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Zhang.San@Example.org", "Zhang.San@Example.org"),
        ("zhang@例子.中国", "zhang@xn--fsqu00a.xn--fiqs8s"),
        ("张三@例子.中国", "张三@xn--fsqu00a.xn--fiqs8s"),
    ],
)
def test_an_address_has_its_domain_in_ascii(text, written):
    assert addr_spec(text) == written


@pytest.mark.parametrize(
    "text", ["", "zhang", "a@b@c.cn", "a,b@c.cn", "a@b.cn>\r\nRCPT TO:<x@y.cn", "a b@c.cn", "<a@b.cn>", "a@-"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InputError):
        addr_spec(text)
