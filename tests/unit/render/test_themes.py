"""Themes: folders that inherit from each other, run in a sandbox, and say where they are wrong."""

import html
import shutil
from pathlib import Path
from typing import Any

import pytest

from mailer.edition import fill
from mailer.render import SHIPPED, find_theme, render, theme_names
from subscribers.errors import InputError
from tests.unit.render.issues import IMPRINT, SAMPLE, VALUES


def theme(folder: Path, name: str = "own", toml: str = 'title = "Own"\nextends = "official"', **files: str) -> tuple[Path, ...]:
    """A theme of one's own under `folder`, and the folders to look for it in; `issue` is its issue.html, `style` its sheet."""
    (folder / name).mkdir(parents=True)
    (folder / name / "theme.toml").write_text(toml, encoding="utf-8")
    endings = {"issue": "issue.html", "style": "style.css"}
    for file, content in files.items():
        (folder / name / endings[file]).write_text(content, encoding="utf-8")
    return (folder, SHIPPED)


def page(name: str, folders: tuple[Path, ...], **options: Any) -> str:
    return fill(render(SAMPLE, theme=name, folders=folders, imprint=IMPRINT, **options).html, VALUES, escape=html.escape)


def test_four_themes_are_shipped_and_what_they_share_is_none() -> None:
    assert theme_names([SHIPPED]) == ("bilingual", "digest", "modern", "official")


def test_a_theme_that_says_nothing_is_the_one_that_it_inherits_from(tmp_path: Path) -> None:
    assert page("own", theme(tmp_path)) == page("official", (SHIPPED,))


def test_one_block_one_colour_and_one_word_can_be_other(tmp_path: Path) -> None:
    toml = 'title = "Own"\nextends = "official"\n[colours]\naccent = "#123456"\n[words]\ncontents = "要目"'
    block = '{% extends "official/issue.html" %}{% block opening %}<tr><td>开头</td></tr>{% endblock %}'
    shown = page("own", theme(tmp_path, toml=toml, issue=block, style="h1{letter-spacing:2px}"))

    assert "<td>开头</td>" in shown
    assert ">要目</h2>" in shown
    assert "color:#123456" in shown
    assert "letter-spacing:2px" in shown
    assert "★" in shown
    assert "#b3151c" in shown  # the official edge, which was not named


def test_the_dark_scheme_follows_from_the_colours(tmp_path: Path) -> None:
    toml = 'title = "Own"\nextends = "base"\n[colours]\nink = "#101112"\n[dark]\nink = "#fafbfc"'
    shown = page("own", theme(tmp_path, toml=toml, style=".box{background-color:{{ colour.ink }};color:{{ colour.card }}}"))
    dark = shown.partition("prefers-color-scheme")[2]

    assert ".ink{color:#fafbfc !important}" in dark
    assert "[data-ogsc] .ink{color:#fafbfc !important}" in dark
    assert "[data-ogsb] .box{background-color:#fafbfc !important}" in dark
    assert ".side" not in dark


def test_a_block_can_be_left_out(tmp_path: Path) -> None:
    assert "本期目录" not in page("own", theme(tmp_path, toml='title = "Own"\nextends = "official"\nblocks = ["articles"]'))


def test_an_unknown_theme_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"theme gothic: .* Themes: bilingual, digest, modern, official\."):
        render(SAMPLE, theme="gothic")
    with pytest.raises(InputError, match=r"\.\./secret: there is no such theme"):
        find_theme("../secret", [SHIPPED])


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("\ntitle = 1x", r"theme\.toml: .*line 2"),
        ('title = "Own"\ncolour = "red"', r"theme\.toml: there is no key 'colour'"),
        ('title = "Own"\n[colours]\nink = "red"', r"colours: ink = 'red'\. Give #rrggbb"),
        ('title = "Own"\n[fonts]\ntext = "a;b}"', "fonts: text"),
        ('title = "Own"\nblocks = ["weather"]', "blocks: there is no block 'weather'"),
        ('title = "Own"\nextends = "own"', "inherits from itself"),
        ('title = "Own"\nextends = "nobody"', "theme nobody, from which own inherits"),
    ],
)
def test_a_faulty_description_is_refused_with_its_key(toml: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        find_theme("own", theme(tmp_path, toml=toml))


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("\n<p>{{ issue.nothing }}</p>", r"own/issue\.html:2: .*nothing"),
        ("\n\n{{ hole.telephone }}", r"own/issue\.html:3: .*telephone"),
        ("{{ field.english_title }}", r"own/issue\.html:1: .*english_title"),
        ("\n{% if %}", r"own/issue\.html:2: Expected an expression"),
        ("{{ issue.__class__.__mro__ }}", "unsafe"),
        ("{{ issue.articles.append(1) }}", "append"),
        ('{% include "../../secret.html" %}', "secret"),
        ('{% include "other.html" %}', r"other\.html is in none of its folders"),
        ("{{ 'x'.format(1) }}", "format"),
    ],
)
def test_a_faulty_template_is_refused_with_its_line(template: str, complaint: str, tmp_path: Path) -> None:
    folders = theme(tmp_path, issue=template)
    for _ in range(2):
        with pytest.raises(InputError, match=complaint):
            render(SAMPLE, theme="own", folders=folders)


@pytest.mark.parametrize(
    ("sheet", "complaint"),
    [
        ("p{color:red;}\n.a{colour red}", r"own/style\.css:2: "),
        ("\n@import 'x.css';", r"own/style\.css:2: .*no place"),
        (".a{background:url(https://example.org/x.png)}", "fetched"),
        ("p{color:rgb(0 0 0 / 50%)}", "COLOR"),
        (".a{color:{{ colour.pink }}}", r"own/style\.css:1: .*pink"),
    ],
)
def test_a_faulty_style_sheet_is_refused_with_its_line(sheet: str, complaint: str, tmp_path: Path) -> None:
    folders = theme(tmp_path, style=sheet)
    with pytest.raises(InputError, match=complaint):
        render(SAMPLE, theme="own", folders=folders)


GREEDY = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    '{% include "issue.html" %}{% include "issue.html" %}',
    "{% set n = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
    "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set a %}{% for i in range(90000) %}" + "x" * 64 + "{% endfor %}{% endset %}",
    "{{ 'a' * 999999999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'a'.ljust(999999999) }}",
    "{{ 'a'|center(999999999) }}",
]


@pytest.mark.parametrize("template", GREEDY)
def test_a_template_that_would_take_the_machine_is_stopped(template: str, tmp_path: Path) -> None:
    folders = theme(tmp_path, issue=template)
    with pytest.raises(InputError, match=r"issue\.html"):
        render(SAMPLE, theme="own", folders=folders)


def test_what_a_publication_gives_is_data(tmp_path: Path) -> None:
    toml = 'title = "Own"\nextends = "official"\n[fields]\nmotto = "none"'
    block = '{% extends "official/issue.html" %}{% block opening %}<tr><td>{{ field.motto }}</td></tr>{% endblock %}'
    folders = theme(tmp_path, toml=toml, issue=block)

    assert "<td>none</td>" in page("own", folders)
    shown = page("own", folders, fields={"motto": "<script>{{ 1 }}</script>", "other": "unused"})
    assert "<td>&lt;script&gt;{{ 1 }}&lt;/script&gt;</td>" in shown
    assert "unused" not in shown


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folders = theme(tmp_path, style="h1{letter-spacing:1px}")
    assert "letter-spacing:1px" in page("own", folders)
    sheet = tmp_path / "own" / "style.css"
    sheet.write_text("h1{letter-spacing:20px}")

    assert "letter-spacing:20px" in page("own", folders)


def test_every_property_of_the_shipped_style_sheets_is_one_that_css_knows(tmp_path: Path) -> None:
    elsewhere = tmp_path / "themes"
    shutil.copytree(SHIPPED, elsewhere)
    for name in theme_names([elsewhere]):
        render(SAMPLE, theme=name, folders=[elsewhere])
    sheet = elsewhere / "base" / "style.css"
    sheet.write_text(sheet.read_text() + ".ink{font-size:big}")
    with pytest.raises(InputError, match="font-size"):
        render(SAMPLE, theme="official", folders=[elsewhere])
