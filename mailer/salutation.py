"""How a recipient is greeted."""

from __future__ import annotations

EVERYBODY = "各位同仁"
_HONORIFIC = "老师"
# A name that ends so carries its form of address already, or is an office, which is greeted by its name.
_ADDRESSED = (
    *("老师", "教授", "研究员", "院士", "博士", "先生", "女士", "同志", "同仁"),
    *("主任", "所长", "院长", "处长", "部长", "科长", "书记", "主席", "会长", "秘书长", "主编", "编辑"),
    *("办公室", "编辑部", "秘书处", "科研处", "综合处", "人事处", "图书馆", "资料室", "委员会", "研究所", "研究院", "中心"),
)


def salutation(name: str, institute: str) -> str:
    """The name with 老师, which suits everybody at a research institute; without a name the institute; else 各位同仁.

    A name with a title, or of an office, stands as it is. A name in Latin letters keeps a space before 老师.
    """
    if not name:
        return institute or EVERYBODY
    if name.endswith(_ADDRESSED):
        return name
    return f"{name} {_HONORIFIC}" if name.isascii() else f"{name}{_HONORIFIC}"
