"""Where the articles begin: at the headlines that the contents announce, and at those that look like headlines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailer.importers.blocks import Habits
from mailer.importers.dates import find_date, without_dates
from mailer.importers.entries import Entry, column_name
from mailer.importers.lines import Line, columns, key
from mailer.importers.markers import MarkerStyle, marker_of
from mailer.importers.names import are_names
from mailer.importers.notes import is_note_label, run_in_end
from mailer.importers.organisations import is_organisation
from mailer.importers.punctuation import clauses, is_closed, must_go_on, must_have_begun
from mailer.importers.similarity import Nearest
from mailer.importers.sources import is_byline, is_credit, is_source
from mailer.importers.spans import MOST_LINES, Spans

_SHORTEST = 8  # columns
_LONGEST = 100  # columns of a headline that nothing announces
_SUB_HEADING = 16  # columns: what is no longer is rather a sub-heading, where other headlines are longer
_WIDEST_COLUMN = 16  # columns of its heading, where nothing marks it
_WIDEST_TITLE_LINE = 40  # columns of an open line above a headline: the publisher, a column, a signature
_MOST_CLAUSES = 3
_ENDS_SENTENCE = re.compile(r"[。！？；]")
_SURE = 0.9  # similarity at which a headline counts though it stands in another order than the contents say
_ONE_PAGE_LINE = range(29, 61)  # columns that one line of a page may have


@dataclass(frozen=True, slots=True)
class Headline:
    """A headline on the lines from `start` to `end`, and the entry of the contents that announces it, if one does."""

    start: int
    end: int
    entry: int | None = None


def find_announced(lines: Sequence[Line], spans: Spans, entries: Sequence[Entry], first: int) -> list[Headline]:
    """The headlines from line `first` on that the contents announce, in the order of the text.

    Printed alike (by letters and digits) they are found wherever they stand; the others by similarity.
    """
    taken: set[int] = set()
    found: dict[int, Headline] = {}
    after = first
    for number, entry in enumerate(entries):
        said = key(entry.title)
        places = (*spans.find(said, after), *spans.find(said, first))
        free = next((place for place in places if taken.isdisjoint(range(place[0], sum(place)))), None)
        if free is not None:
            found[number] = Headline(free[0], sum(free), number)
            taken.update(range(free[0], sum(free)))
            after = sum(free)
    found.update(dict(_find_similar(lines, spans, entries, first, found=found, taken=taken)))
    return sorted(found.values(), key=lambda headline: headline.start)


def _find_similar(
    lines: Sequence[Line], spans: Spans, entries: Sequence[Entry], first: int, *, found: dict[int, Headline], taken: set[int]
) -> Iterator[tuple[int, Headline]]:
    missing = [number for number in range(len(entries)) if number not in found]
    if not missing:
        return
    candidates = [
        (start, start + length, said)
        for start in range(first, len(lines))
        for length, said in spans.at(start)
        if length < MOST_LINES and all(_may_be_announced(line) for line in lines[start : start + length])
    ]
    nearest = Nearest([said for _, _, said in candidates])
    for number in missing:
        low = max((headline.end for other, headline in found.items() if other < number), default=first)
        for score, index in nearest.matches(key(entries[number].title)):
            start, end, _ = candidates[index]
            if taken.isdisjoint(range(start, end)) and (start >= low or score >= _SURE):
                taken.update(range(start, end))
                yield number, Headline(start, end, number)
                break


def _may_be_announced(line: Line) -> bool:
    return columns(line.text) <= _LONGEST and line.text[-1] not in "。；，、" and not is_credit(line.text)


def find_unannounced(lines: Sequence[Line], headlines: Sequence[Headline], first: int, end: int) -> list[Headline]:
    """Headlines the contents lack: a line that looks like one with a source line below it, or above the first announced one."""
    begins = [first, *(headline.end + 1 for headline in headlines)]
    ends = [*(headline.start for headline in headlines), end]
    opening = _below_columns(lines, first, end)
    found: list[Headline] = []
    for begin, below in zip(begins, ends, strict=True):
        bottom = _above_columns(lines, begin, below)
        candidates = (_candidate(lines, index, begin, bottom) for index in range(begin, bottom))
        for candidate in candidates:
            if candidate is None or candidate.end >= bottom or (found and candidate.start < found[-1].end):
                continue
            if candidate.start == opening or _has_source_below(lines, candidate, bottom):
                found.append(candidate)
    return found


def _below_columns(lines: Sequence[Line], begin: int, end: int) -> int:
    while begin < end and column_name(lines[begin].text) is not None:
        begin += 1
    return begin


def _above_columns(lines: Sequence[Line], begin: int, end: int) -> int:
    while end > begin and column_name(lines[end - 1].text) is not None:
        end -= 1
    return end


def find_by_look(lines: Sequence[Line], habits: Habits, first: int, end: int) -> list[Headline]:
    """The headlines of a bulletin without contents, from line `first` on.

    The first line shows what they look like here: numbered or starred ones, if it is; else short lines with a source line
    below, or, with more caution, with text below.
    """
    run_in = [index for index in range(first, end - 1) if _is_run_in(lines[index], lines[index + 1])]
    if run_in and run_in[0] == first and len(run_in) > 1:
        return [Headline(index, index + 1) for index in run_in]
    start = _below_columns(lines, first, end)
    marked = _find_marked(lines, start, end)
    if marked:
        return marked
    candidates = [candidate for index in range(start, end) if (candidate := _candidate(lines, index, start, end)) is not None]
    columns_above = _plain_columns(lines, candidates, end)
    candidates = [candidate for candidate in candidates if candidate.start + 1 not in columns_above]
    sourced = {candidate.start for candidate in candidates if _has_source_below(lines, candidate, end)}
    # Where each paragraph is one line, what is usual between two of them may be no blank line at all.
    gaps = Counter(line.gap for line in lines[first:end] if line.gap or habits.width is None)
    usual = gaps.most_common(1)[0][0] if gaps else 1
    least = min(
        (lines[index].gap for index in sourced if index > start), default=0
    )  # those with sources stand no further apart
    widest = max((columns(lines[candidate.start].text) for candidate in candidates), default=0)
    found: list[Headline] = []
    for candidate in candidates:
        above = lines[candidate.start - 1].text if candidate.start > start else ""
        below_note = len(found) == 1 and is_note_label(lines[found[0].start].text)
        certain = candidate.start == start or candidate.start in sourced or candidate.start in columns_above or below_note
        apart = lines[candidate.start].gap >= max(usual + 1, least) and not habits.cuts_sentences
        apart |= bool(above) and column_name(above) is not None and above[-1] not in "：:"
        apart |= bool(above) and is_credit(above) and not (found and found[-1].end == candidate.start - 1)
        likely = _may_head(lines, candidate, end, habits) and (
            apart or (not sourced and _looks_free(lines, candidate, habits, widest))
        )
        if (certain or likely) and (not found or candidate.start > found[-1].end):
            found.append(candidate)
    return found or list(_in_brackets(lines, first, end))


def _in_brackets(lines: Sequence[Line], first: int, end: int) -> Iterator[Headline]:
    """The lines in brackets that stand right above text: the headlines, where there are no others for them to be columns of."""
    named = [column_name(line.text) is not None and not is_credit(line.text) for line in lines[first:end]]
    for index, (is_name, is_name_below) in enumerate(pairwise(named), start=first):
        if is_name and not is_name_below:
            yield Headline(index, index + 1)


def _plain_columns(lines: Sequence[Line], candidates: Sequence[Headline], end: int) -> set[int]:
    """The headlines that stand below the heading of a column which nothing marks: a short line of its own, twice or more often."""
    starts = {candidate.start for candidate in candidates if candidate.end == candidate.start + 1}
    found = {
        index + 1
        for index in starts
        if index + 1 in starts
        and index + 2 < end
        and lines[index + 1].gap
        and columns(lines[index].text) <= _WIDEST_COLUMN < columns(lines[index + 1].text)
        and is_closed(lines[index + 2].text)
        and not any(map(str.isdecimal, lines[index].text))
        and (index == 0 or is_closed(lines[index - 1].text) or is_credit(lines[index - 1].text))
    }
    return found if len(found) > 1 else set()


def _candidate(lines: Sequence[Line], index: int, first: int, end: int) -> Headline | None:
    """The headline that may begin at a line: one line, or two directly below each other with text apart from them."""
    line = lines[index]
    if is_note_label(line.text):
        return Headline(index, index + 1)
    if (
        (index > first and _is_cut(lines[index - 1].text))
        or marker_of(line.text) is not None
        or not _looks_like_headline(line.text)
    ):
        return None
    if index + 2 < end and not lines[index + 1].gap and _may_go_on(lines[index + 1].text):
        below = lines[index + 2]
        if below.gap or is_source(below.text):
            return Headline(index, index + 2)
    if must_go_on(line.text):
        return None
    return Headline(index, index + 1)


def _may_go_on(text: str) -> bool:
    """Whether a line may be the second one of a headline, and is no numbered sub-heading."""
    marker = marker_of(text)
    return _looks_like_headline(text) and (marker is None or marker.style is MarkerStyle.BULLET)


def _is_cut(text: str) -> bool:
    """Whether a line is a piece of a paragraph, so that the line below it is another."""
    return columns(text) > _WIDEST_TITLE_LINE and not is_closed(text) and not is_credit(text)


def _looks_like_headline(text: str) -> bool:
    width = columns(text)
    return (
        _SHORTEST <= width <= _LONGEST
        and text[-1] not in "。；;，,、：:."
        and not _ENDS_SENTENCE.search(text[:-1])
        and len(clauses(text)) <= _MOST_CLAUSES
        and not must_have_begun(text)
        and column_name(text) is None
        and not is_credit(text)
        and not are_names(text)
        and not _is_day(text)
    )


def _has_source_below(lines: Sequence[Line], headline: Headline, end: int) -> bool:
    """Whether a source line stands below a headline, and text below that: at an article's end the text stands above it."""
    if headline.end + 1 >= end:
        return False
    below = lines[headline.end].text
    if is_source(below):
        return True
    return columns(lines[headline.end + 1].text) > _LONGEST and is_byline(below) and not is_organisation(below)


def _may_head(lines: Sequence[Line], headline: Headline, end: int, habits: Habits) -> bool:
    """Whether a line that no sentence runs into and that is no sentence has text below, on the same page and apart."""
    if headline.end >= end or is_closed(lines[headline.end - 1].text):
        return False
    line, above, below = lines[headline.start], lines[headline.start - 1].text, lines[headline.end]
    if not (is_closed(above) or is_credit(above) or column_name(above) is not None or _is_day(above)):
        return False
    if below.page_break or must_have_begun(below.text):
        return False
    is_signature = is_organisation(line.text) and columns(below.text) <= _LONGEST and not is_closed(below.text)
    if is_signature or _is_day(below.text):
        return False
    return below.gap > 0 or habits.width is None or below.indent > line.indent or is_credit(above)


def _is_day(text: str) -> bool:
    """Whether a line is a date and nothing else, with which a notice ends."""
    return columns(text) <= _WIDEST_TITLE_LINE and not without_dates(text).strip() and find_date(text) is not None


def _looks_free(lines: Sequence[Line], headline: Headline, habits: Habits, widest: int) -> bool:
    """Whether a line that has only text below it is rather a headline than a sub-heading or a piece of a cut paragraph."""
    line, below = lines[headline.start], lines[headline.end]
    width = columns(line.text)
    if len(clauses(line.text)) > 2:
        return False
    if habits.cuts_sentences and width in _ONE_PAGE_LINE:
        return False
    if width <= _SUB_HEADING and widest > _SUB_HEADING + _SHORTEST:
        return False
    return columns(below.text) > _LONGEST // 2 or is_closed(below.text)


def _is_run_in(line: Line, below: Line) -> bool:
    return below.is_rest and run_in_end(line.text + below.text) is not None


def _find_marked(lines: Sequence[Line], start: int, end: int) -> list[Headline]:
    """The headlines that carry the marker of the first one, in the order of their numbers, which each column begins anew or goes on
    with."""
    outer = marker_of(lines[start].text) if start < end else None
    inner = marker_of(lines[start + 1].text) if start + 1 < end else None
    nested = outer is not None and inner is not None and inner.style is not outer.style
    marker = inner if nested else outer
    if marker is None or marker.value not in (None, 1) or not _looks_like_headline(lines[start + nested].text[marker.end :]):
        return []
    found: list[Headline] = []
    due = following = 1
    for index in range(start, end):
        other = marker_of(lines[index].text)
        if nested and other is not None and outer is not None and other.style is outer.style:
            due = 1
        if other is None or (other.style, other.sign) != (marker.style, marker.sign):
            continue
        is_due = other.style is MarkerStyle.BULLET or other.value in (due, following)
        if is_due and _looks_like_headline(lines[index].text[other.end :]):
            found.append(Headline(index, index + 1))
            due = following = (other.value or 0) + 1
    return found if _have_text(found, end) else []


def _have_text(headlines: Iterable[Headline], end: int) -> bool:
    starts = [headline.start for headline in headlines]
    return all(below - above > 1 for above, below in zip(starts, [*starts[1:], end], strict=True))
