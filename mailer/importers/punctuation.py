"""What the end of one line and the beginning of the next say about whether a sentence goes on."""

from __future__ import annotations

import re

_ENDS_SENTENCE = "。｡！？…；：!?;:."
_CLOSING = "”’」』）〕】》〉］｝)]}\"'"
_PAIRS = ("（(", "）)"), ("【［[", "】］]"), ("《", "》"), ("〈", "〉"), ("“", "”"), ("「", "」"), ("『", "』"), ("〔", "〕")
_OPENING_OF = {closing: opening for opening, closings in _PAIRS for closing in closings}
# GB/T 15834-2011 §5.1.2: none of these may stand at the beginning of a line, so what begins with one goes on.
_CANNOT_BEGIN = "，。、；：！？）〕】》〉”’」』］｝％‰℃,;:!?)]}%"
# Particles that cannot begin a sentence.
_CANNOT_BEGIN_SENTENCE = "的了们等"
# Characters that hardly ever end a phrase, each with the characters before it that make a word of the two (国有, 作为, 达到).
_LEAVES_OPEN = {
    **{
        "的": "目有",
        "把": "",
        "被": "",
        "从": "服",
        "于": "对",
        "并": "合兼",
        "而": "",
        "或": "",
        "该": "应",
        "各": "",
        "每": "",
        "不": "",
    },
    **{
        "很": "",
        "这": "",
        "让": "转出礼",
        "也": "",
        "且": "",
        "但": "",
        "之": "总",
        "其": "尤极",
        "和": "总饱共温平调缓中随谐祥",
    },
    **{
        "有": "国所拥享具私共尽公含持占保富稀没",
        "与": "参",
        "及": "普涉波以企",
        "在": "存所内潜外现自",
        "为": "作行有成人认因视更",
    },
    **{"是": "于国实求", "对": "应面针核相绝反派校", "以": "可所予加足得", "将": "名大", "向": "方导面走取动意定志转"},
    **{"到": "达得收看做报签找", "由": "自理缘因事"},
}
_SIGNS = re.compile(r"[，。；！？]")


def is_closed(text: str, following: str = "") -> bool:
    """Whether a paragraph can end with this text, when the text `following` stands below it.

    Sentence-final signs close, also inside closing quotes and brackets. A bracket alone closes (a credit, a note) and so does
    a quotation that is a whole utterance; a title or a quoted word at the end of the line leaves the sentence open.
    """
    if following.startswith(tuple(_CANNOT_BEGIN)):
        return False
    core = text.rstrip(_CLOSING)
    if not core:
        return True
    if core[-1] in _ENDS_SENTENCE:
        return not (len(core) == len(text) and _number_goes_on(core, following))
    return len(core) < len(text) and _stands_alone(text) and not following.startswith(tuple(_CANNOT_BEGIN_SENTENCE))


def _number_goes_on(text: str, following: str) -> bool:
    """1178.|6 and 1：|18."""
    return text[-1] in ".:：" and text[-2:-1].isdecimal() and following[:1].isdecimal()


def _stands_alone(text: str) -> bool:
    closing = text[-1]
    if closing in "）)】］]〕":
        return True
    opening = max(text.rfind(sign, 0, -1) for sign in _OPENING_OF.get(closing, closing))
    return opening == 0 or (opening > 0 and text[opening - 1] in "：:")


def must_go_on(text: str) -> bool:
    """Whether no sentence and no headline could end here: a comma, an open bracket, a word that asks for another."""
    if not text or text[-1] in "，、,—（《“‘【(" or any(excess > 0 for excess in _excess_of_opening(text)):
        return True
    return text[-1] in _LEAVES_OPEN and text[-2:-1] not in tuple(_LEAVES_OPEN[text[-1]])


def must_have_begun(text: str) -> bool:
    """Whether no paragraph and no headline could begin like this."""
    return (
        text[0] in _CANNOT_BEGIN or text[0] in _CANNOT_BEGIN_SENTENCE or any(excess < 0 for excess in _excess_of_opening(text))
    )


def clauses(text: str) -> list[str]:
    """The text in its clauses, as commas and sentence-final signs part it."""
    return [clause for clause in _SIGNS.split(text) if clause]


def _excess_of_opening(text: str) -> list[int]:
    """For each kind of bracket and quote, how many more were opened than closed."""
    return [sum(map(text.count, opening)) - sum(map(text.count, closing)) for opening, closing in _PAIRS]
