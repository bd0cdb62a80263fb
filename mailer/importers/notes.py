"""Labels and headlines that stand in one line with their text: 编者按：…, 【省科协召开会议】5月4日，…."""

from __future__ import annotations

import re

_LABEL = re.compile(
    r"[【\[（(〔]?\s*(?:编者按|编者的话|编前语?|按语|卷首语|刊首语|开篇语|导语|前言)\s*[】\]）)〕]?\s*[：:]?\s*"
)

_RUN_IN = re.compile(r"【[^【】]{6,40}】\s*(?=\S{6})")


def is_note_label(text: str) -> bool:
    """Whether a line is the label of an editor's note, and nothing else."""
    return _LABEL.fullmatch(text) is not None


def note_start(text: str) -> int | None:
    """Where the note begins that stands behind its label in one line; None where the line is no note, or only the label."""
    match = _LABEL.match(text)
    return match.end() if match is not None and match.end() < len(text) and text[match.end() - 1] in "】]）)〕：: " else None


def run_in_end(text: str) -> int | None:
    """Where the text begins behind a headline in brackets in the same line; None where the line has none."""
    match = _RUN_IN.match(text)
    return None if match is None else match.end()
