"""Lists as people and programs make them: encodings, delimiters, headings, and whose wish is kept."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.importing.columns import Columns
from subscribers.importing.headers import chosen_columns
from subscribers.importing.rows import STAGED, Checker
from subscribers.importing.table import CHUNK_ROWS, Chunk
from tests.unit.subscribers.importing.reading import read

SIMPLE = [("单位", "联系人", "邮箱"), ("东江省农业科学院", "王芳", "wang@a.example"), ("海洋研究所", "李四", "li@b.example")]
TRADITIONAL = [
    ("單位名稱", "姓名", "電子郵件"),
    ("東江省農業科學院", "陳小明", "wang@a.example"),
    ("海洋研究所", "李四", "li@b.example"),
]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    list(product(["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"], [",", "\t", ";", "|", "，"])),
)
def test_a_list_is_read_in_any_encoding_with_any_delimiter(encoding: str, delimiter: str, tmp_path: Path) -> None:
    found = read("\r\n".join(delimiter.join(row) for row in SIMPLE).encode(encoding), tmp_path / "a.csv")
    assert found.addresses == ["wang@a.example", "li@b.example"]
    assert found.column("name") == ["王芳", "李四"]
    assert found.institutes == ["东江省农业科学院", "海洋研究所"]


def test_a_list_in_big5_is_read(tmp_path: Path) -> None:
    found = read("\n".join(",".join(row) for row in TRADITIONAL).encode("big5"), tmp_path / "a.csv")
    assert (found.addresses, found.column("name")) == (["wang@a.example", "li@b.example"], ["陳小明", "李四"])


@pytest.mark.parametrize(
    "heading",
    [
        "邮箱", "电子邮箱", "电子邮件地址", "E-mail", "Email Address", "EMAIL", "邮箱（必填）", "电子邮箱*", "联系邮箱",
        "Mail", "電郵", "E-mail 1 - Value",
        "Primary Email", "subscriber_email",
        "Contact Email", "工作邮箱", "邮箱地址", "\ufeff邮箱", "email_address",
    ],
)  # fmt: skip
def test_a_column_of_addresses_is_known_by_its_name(heading: str, tmp_path: Path) -> None:
    assert read(f"序号,{heading},备注\n1,wang@a.example,x@y\n", tmp_path / "a.csv").addresses == ["wang@a.example"]


def test_of_two_columns_the_first_address_is_taken_and_the_other_named(tmp_path: Path) -> None:
    found = read("姓名,邮箱,备用邮箱\n王芳,wang@a.example,w2@a.example\n", tmp_path / "a.csv")
    assert found.addresses == ["wang@a.example"]
    assert found.notes == ["the addresses are taken from '邮箱', and not from 备用邮箱."]


def test_a_heading_may_be_in_two_languages(tmp_path: Path) -> None:
    found = read("姓名 Name,邮箱 Email,单位 Organization,单位ID\n王芳,a@a.example,甲所,7\n", tmp_path / "a.csv")
    assert (found.column("name"), found.institutes) == (["王芳"], ["甲所"])


def test_postal_boxes_and_kinds_of_mail_are_no_addresses(tmp_path: Path) -> None:
    found = read("邮箱类型,其他地址 - 邮箱,邮箱\nSMTP,650001 信箱3,wang@a.example\n", tmp_path / "a.csv")
    assert found.addresses == ["wang@a.example"]


def test_a_heading_may_stand_below_a_title(tmp_path: Path) -> None:
    found = read("2026年会员单位通讯录,,\n制表：办公室,,\n单位,联系人,邮箱\n研究院,王芳,wang@a.example\n", tmp_path / "a.csv")
    assert (found.addresses, found.column("name"), found.column("line")) == (["wang@a.example"], ["王芳"], ["4"])


def test_without_a_heading_the_columns_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    found = read(
        "东江省农业科学院,王芳,wang@a.example,13800000001\n海洋研究所,李四,li@b.example,13800000002\n", tmp_path / "a.csv"
    )
    assert found.column("name") == ["王芳", "李四"]
    assert found.column("phone") == ["13800000001", "13800000002"]
    assert found.institutes == ["东江省农业科学院", "海洋研究所"]


def test_a_column_may_be_chosen_kept_as_an_own_field_or_left_out(tmp_path: Path) -> None:
    chosen = chosen_columns(["甲=address", "乙=field.备注", "姓名=-"])
    found = read("甲,邮箱,乙,姓名\na@a.example,b@b.example,好,王芳\n", tmp_path / "a.csv", chosen)
    assert found.rows == [
        {"sheet": "0", "line": "2", "address": "a@a.example", "canonical": "a@a.example", "fields": '{"备注": "好"}'}
    ]


@pytest.mark.parametrize(
    ("choice", "why"),
    [("邮箱", "has no '='"), ("邮箱=mailbox", "there is no field 'mailbox'"), ("x=field.", "there is no field")],
)
def test_a_wrong_choice_of_a_column_says_what_there_is(choice: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        chosen_columns([choice])


def test_a_chosen_column_of_addresses_is_one_and_not_the_first_of_several(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several columns '邮箱' hold addresses"):
        read("姓名,邮箱,姓名,邮箱\n王芳,a@a.example,李四,b@b.example\n", tmp_path / "a.csv", {"邮箱": "address"})


def test_a_chosen_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column '邮件' for --map\. There are: 邮箱, 姓名"):
        read("邮箱,姓名\na@a.example,x\n", tmp_path / "a.csv", {"邮件": "address"})


@pytest.mark.parametrize(
    "content",
    [
        "# list_members -f\n王芳 <wang@a.example>\n\"李, 四\" <li@b.example>\n",
        "wang@a.example\nli@b.example\n",
        "wang@a.example; li@b.example",
        "王芳 <wang@a.example>; 李四 <li@b.example>;",
        "wang@a.example,li@b.example",
        "wang@a.example|王芳|甲所\nli@b.example|李四|乙所\n",
        "王芳    wang@a.example    甲所\n李四    li@b.example    乙所\n",
        "1. wang@a.example\n2、li@b.example\n",
        "'wang@a.example','王芳'\n'li@b.example','李四'\n",
        '="wang@a.example",="王芳"\n="li@b.example",="李四"\n',
        'email,name\n"wang@a.example\nli@b.example",x\n',
        "单位名称,联系方式\n甲所,王芳 13800000000 wang@a.example\n乙所,li@b.example；\n",
        "email,name\rwang@a.example,x\rli@b.example,y\r",
        "email,name\nwang@a.example,x\nemail,name\nli@b.example,y\n",
        "王芳 wang@a.example\n李四 li@b.example\n",
        "邮箱\nwang@a.example\nli@b.example\n",
        '{"email": "wang@a.example"}\n{"email": "li@b.example"}\n',
        '[{"email": "wang@a.example"}, {"email": "li@b.example", "name": null}]',
        "BEGIN:VCARD\nVERSION:3.0\nFN:王芳\nEMAIL;TYPE=WORK:wang@a.example\nEND:VCARD\n"
        "BEGIN:VCARD\nN:李;四;;;\nitem1.EMAIL:li@b.example\nEND:VCARD\n",
        "sep=;\nname;email\n王芳;wang@a.example\n李四;li@b.example\n",
    ],
)  # fmt: skip
def test_many_forms_hold_the_same_addresses(content: str, tmp_path: Path) -> None:
    assert read(content, tmp_path / "list").addresses == ["wang@a.example", "li@b.example"]


@pytest.mark.parametrize(
    ("heading", "surname", "given", "name"),
    [
        ("姓,名", "王", "芳", "王芳"),
        ("Nachname;Vorname", "Müller", "Jörg", "Jörg Müller"),
        ("Nom;Prénom", "Lefèvre", "Anne", "Anne Lefèvre"),
    ],
)
def test_both_halves_of_a_name_stand_as_people_write_it(
    heading: str, surname: str, given: str, name: str, tmp_path: Path
) -> None:
    sign = ";" if ";" in heading else ","
    found = read(f"{heading}{sign}email\n{surname}{sign}{given}{sign}a@a.example\n", tmp_path / "a.csv")
    assert found.column("name") == [name]


def test_signs_of_quotation_around_an_address_are_none_of_it(tmp_path: Path) -> None:
    found = read("email\n“a@a.example”\n`b@a.example`\n'c@a.example'\n«d@a.example»\no'neil@a.example\n", tmp_path / "a.csv")
    assert found.addresses == ["a@a.example", "b@a.example", "c@a.example", "d@a.example", "o'neil@a.example"]


def test_a_card_of_an_old_phone_is_read(tmp_path: Path) -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E7=8E=8B;=E8=8A=\r\n=B3;;;\r\n"
        "ORG:东江省农业科学院;办公室\r\nTITLE:院长\r\nTEL;CELL:13800000001\r\nEMAIL:wang@a.exam\r\n ple\r\nEND:VCARD\r\n"
    )
    found = read(card, tmp_path / "a.vcf")
    expected = {"address": "wang@a.example", "name": "王芳", "role": "director", "phone": "13800000001"}
    assert found.rows[0].items() >= expected.items()
    assert found.institutes == ["东江省农业科学院"]


# --- other programs' exports ---------------------------------------------------------------------------------------------------

UNSUBSCRIBED, CLEANED, BLOCKED = {"wish": "unsubscribed"}, {"suppressed": "hard_bounce"}, {"suppressed": "staff"}


@pytest.mark.parametrize(
    ("content", "standings"),
    [
        pytest.param(
            "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,LEID,EUID\n"
            'a@a.example,Jane,Doe,2,"2018-02-05 19:28:23","2020-03-23 17:30:05",News,1,x\n',
            [UNSUBSCRIBED],
            id="Mailchimp, unsubscribed",
        ),
        pytest.param(
            'Email Address,MEMBER_RATING,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\na@a.example,1,"2020-03-23 17:30:05",News\n',
            [CLEANED],
            id="Mailchimp, cleaned",
        ),
        pytest.param(
            "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\n"
            "1,a@a.example,A,,true,false,,2024-01-01T00:00:00.000Z,,,\n2,b@a.example,B,,false,false,,2024-01-01T00:00:00.000Z,,,\n",
            [{}, UNSUBSCRIBED],
            id="Ghost",
        ),
        pytest.param(
            'uuid,email,name,attributes,status,created_at,updated_at\n1,a@a.example,A,"{""city"": ""x""}",enabled,,\n'
            "2,b@a.example,B,{},blocklisted,,\n3,c@a.example,C,{},disabled,,\n",
            [{}, BLOCKED, UNSUBSCRIBED],
            id="listmonk",
        ),
        pytest.param("Jane Doe <a@a.example>\nb@a.example\n", [{}, {}], id="Mailman 2, full names"),
        pytest.param('"Subscribed Addresses "\na@a.example\nb@a.example\n', [{}, {}], id="Mailman 3, Postorius"),
        pytest.param(
            "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
            "a@a.example,false,,other,false,2023-01-01T00:00:00.000Z,\nb@a.example,true,,yearly,true,2023-01-01T00:00:00.000Z,\n",
            [{}, UNSUBSCRIBED],
            id="Substack",
        ),
        pytest.param(
            "id,title,firstname,lastname,company,position,email,mobile,doNotEmail\n1,,Jane,Doe,Institute,Director,a@a.example,,0\n"
            "2,,John,Doe,,,b@a.example,,1\n",
            [{}, UNSUBSCRIBED],
            id="Mautic",
        ),
        pytest.param(
            "address,display_name,delivery_mode,delivery_status\na@a.example,A,regular,enabled\nb@a.example,B,regular,by_bounces\n",
            [{}, CLEANED],
            id="Mailman 3, REST",
        ),
        pytest.param("EMAIL,LASTNAME,EMAIL_BLACKLISTED\na@a.example,A,No\nb@a.example,B,Yes\n", [{}, UNSUBSCRIBED], id="Brevo"),
        pytest.param("Subscriber,Subscribed\na@a.example,2020-01-01 00:00:00\n", [{}], id="a day says yes"),
        pytest.param(
            "邮箱,状态\na@a.example,正常\nb@a.example,已退订\nc@a.example,退信\n", [{}, UNSUBSCRIBED, CLEANED], id="Chinese"
        ),
        pytest.param(
            "邮箱,是否接收简报\na@a.example,是\nb@a.example,否\nc@a.example,\n", [{}, UNSUBSCRIBED, {}], id="an office's list"
        ),
        pytest.param(
            "邮箱,状态\na@a.example,在职\nb@a.example,待查\n", [{}, {"wish": "unconfirmed"}], id="a word that nobody knows"
        ),
        pytest.param("邮箱,状态\na@a.example,副研究员\nb@a.example,退休\n", [{}, {}], id="a column of something else"),
        pytest.param(
            "邮箱,状态\na@a.example,副研究员\nb@a.example,退休\nc@a.example,待聘\nd@a.example,已退订\ne@a.example,无效\n",
            [{}, {}, {}, UNSUBSCRIBED, {}],
            id="a column of something else in which somebody has left all the same",
        ),
        pytest.param(
            "Email,Name,Emails received (6mo),Email disabled?\na@a.example,A,10,True\nb@a.example,B,0,False\n",
            [UNSUBSCRIBED, {}],
            id="Substack of today",
        ),
        pytest.param("Email,Emails disabled\na@a.example,True\nb@a.example,False\n", [UNSUBSCRIBED, {}], id="Substack, plural"),
        pytest.param(
            "id,email,dnc\n1,a@a.example,email: unsubscribed\n2,b@a.example,email: bounced\n3,c@a.example,\n",
            [UNSUBSCRIBED, CLEANED, {}],
            id="Mautic, do not contact",
        ),
        pytest.param(
            "E-Mail-Adresse;Vorname;Nachname;Status\na@a.example;Jörg;Müller;abgemeldet\nb@a.example;Ada;B;abonniert\n"
            "c@a.example;C;D;bereinigt\n",
            [UNSUBSCRIBED, {}, CLEANED],
            id="German",
        ),
        pytest.param(
            "Adresse e-mail;Prénom;Nom;Statut\na@a.example;Anne;Lefèvre;désabonné\nb@a.example;B;C;abonné\n",
            [UNSUBSCRIBED, {}],
            id="French",
        ),
        pytest.param(
            "メールアドレス,氏名,ステータス\na@a.example,山田,配信停止\nb@a.example,二郎,購読中\n",
            [UNSUBSCRIBED, {}],
            id="Japanese",
        ),
        pytest.param(
            '{"data": [{"email": "a@a.example", "status": "disabled"}, {"email": "b@a.example", "status": "enabled"}], "total": 2}\n',
            [UNSUBSCRIBED, {}],
            id="an interface's answer on one line",
        ),
        pytest.param(
            '{\n "members": [\n  {"email": "a@a.example", "unsubscribed": true},\n  {"email": "b@a.example"}\n ],\n "meta": {}\n}\n',
            [UNSUBSCRIBED, {}],
            id="an interface's answer on several lines",
        ),
    ],
)
def test_wishes_and_cleaned_addresses_of_other_programs_are_kept(
    content: str, standings: list[dict[str, str]], tmp_path: Path
) -> None:
    found = read(content, tmp_path / "a.csv")
    assert [{name: row[name] for name in ("wish", "suppressed") if name in row} for row in found.rows] == standings


# --- workbooks -----------------------------------------------------------------------------------------------------------------


def test_a_sheet_of_instructions_is_left_out_and_named(tmp_path: Path) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        for title, rows in {
            "名单": (("邮箱", "姓名"), ("a@a.example", "王芳")),
            "说明": (("请填写下表，有问题联系 office@a.example",),),
        }.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    found = read(made.getvalue(), tmp_path / "a.xlsx")
    assert found.addresses == ["a@a.example"]
    assert [note[:8] for note in found.notes] == ["left out"]


def test_a_long_sheet_that_is_no_list_is_passed_over(tmp_path: Path) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("收支")
        for number in range(2 * CHUNK_ROWS):
            sheet.write_row(number, 0, ("会费", str(number)))
        book.add_worksheet("名单").write_column(0, 0, ("邮箱", "a@a.example"))
    assert read(made.getvalue(), tmp_path / "a.xlsx").addresses == ["a@a.example"]


def test_every_visible_sheet_is_read_with_cells_as_they_would_be_typed(tmp_path: Path) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        first, second, hidden = (book.add_worksheet(name) for name in ("云南", "四川", "旧"))
        first.write_string(0, 0, "会员通讯录")
        first.write_row(2, 1, ("单位", "联系人", "邮箱", "手机"))
        first.merge_range(3, 1, 4, 1, "研究院")
        first.write_row(3, 2, ("王芳", "wang@a.example", 13800000001))
        first.write_row(4, 2, ("李四", "li@a.example", 13800000002))
        second.write_row(0, 0, ("E-mail", "姓名"))
        second.write_row(1, 0, ("chen@b.example", "陈明"))
        hidden.write_row(0, 0, ("邮箱",))
        hidden.write_row(1, 0, ("old@c.example",))
        hidden.hide()
    found = read(made.getvalue(), tmp_path / "通讯录.dat")
    assert found.addresses == ["wang@a.example", "li@a.example", "chen@b.example"]
    assert found.column("institute_key") == ["研究院", "研究院", ""]
    assert found.column("phone") == ["13800000001", "13800000002", ""]
    assert [(row["sheet"], row["line"]) for row in found.rows] == [("0", "4"), ("0", "5"), ("1", "2")]


# --- what goes fast is what goes slowly ------------------------------------------------------------------------------------------

_LETTERS = st.sampled_from("abcXYZ019._+-@ '\\王\u200bé，;<\t\n")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.text(_LETTERS, max_size=12), st.text(_LETTERS, max_size=12)), min_size=1, max_size=6))
def test_a_row_comes_to_the_same_alone_and_among_others(rows: list[tuple[str, str]]) -> None:
    columns = Columns(("email", "name"), 0, {})
    cells = [(f"{address}@inst.example", name) for address, name in rows]
    together = Checker(columns).check(Chunk(range(len(cells)), cells))
    alone = [Checker(columns).check(Chunk([line], [cells[line]])) for line in range(len(cells))]
    assert together.lines == "".join(one.lines for one in alone)
    assert together.rejects == [reject for one in alone for reject in one.rejects]


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,12}@([a-zA-Z0-9]{1,8}\.){1,3}[a-z]{2,5}", fullmatch=True))
def test_an_ordinary_address_is_what_the_parser_says(address: str) -> None:
    checked = Checker(Columns(("email",), 0, {})).check(Chunk([1], [(address,)]))
    try:
        parsed = parse_address(address)
    except InputError:
        assert checked.entries == 0
        return
    staged = dict(zip(STAGED, checked.lines.rstrip("\n").split("\t"), strict=True))
    assert (staged["address"], staged["canonical"]) == (parsed.written, parsed.canonical)
