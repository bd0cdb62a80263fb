"""An issue with everything in it that a theme has to show, to try themes on."""

from __future__ import annotations

from datetime import date

from mailer.block import Block, BlockKind, Cell, Inline, Picture, image, table, text_block
from mailer.issue import Article, ContentsEntry, Issue

_TITLES = ("示例联谊会召开年度工作会议", "关于开放科研仪器共享平台的通知", "International Workshop on Open Research Data")


def _block(kind: BlockKind, *pieces: str | Inline, level: int = 0, marker: str = "") -> Block:
    return text_block(kind, [Inline(each) if isinstance(each, str) else each for each in pieces], level=level, marker=marker)


SAMPLE = Issue(
    publisher="示例科学技术院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2026,
    number=11,
    total_number=228,
    date=date(2026, 11, 5),
    contents=tuple(
        ContentsEntry(f"★{title}", title, column) for title, column in zip(_TITLES, ("要闻", "通知", "交流"), strict=True)
    ),
    colophon=("编辑：联谊会秘书处　电话：010-00000000", "报送：会长、副会长　发送：各会员单位"),
    articles=(
        Article(
            1,
            _TITLES[0],
            (
                _block(
                    BlockKind.PARAGRAPH,
                    "11月3日，示例联谊会在昆明召开年度工作会议，来自12个省市的代表交流了一年来的工作。会议认为，",
                    Inline("协同创新", strong=True),
                    "是下一年的重点，全文见",
                    Inline("会议纪要", link="https://www.example.org/minutes"),
                    "。",
                    Inline("[1]", note="1"),
                ),
                _block(BlockKind.HEADING, "一、下一年的工作", level=3),
                _block(BlockKind.ITEM, "办好两次培训；"),
                _block(BlockKind.ITEM, "编印政策汇编，寄送各会员单位；"),
                _block(BlockKind.ITEM, "建成仪器共享平台。"),
                _block(BlockKind.QUOTE, "把论文写在祖国的大地上。"),
                _block(BlockKind.NOTE, "纪要以正式印发的文本为准。", marker="[1]"),
            ),
            column="要闻",
            source_line="（来源：本会秘书处　作者：张 伟）",
        ),
        Article(
            2,
            _TITLES[1],
            (
                _block(
                    BlockKind.PARAGRAPH,
                    "各会员单位：共享平台自下月起开放预约，首批仪器如下，详见https://www.example.org/instruments。",
                ),
                table(
                    [
                        (Cell("仪器", header=True), Cell("所在单位", header=True), Cell("开放时间", header=True)),
                        (Cell("透射电子显微镜"), Cell("示例材料研究所"), Cell("周一、周三")),
                        (Cell("质谱仪"), Cell("示例化学研究所", columns=2)),
                    ]
                ),
                image(Picture("plan.png"), "预约流程图：登录、选仪器、选时间、确认"),
                _block(BlockKind.ITEM, "登录平台；", marker="1."),
                _block(BlockKind.ITEM, "选择仪器和时间，等待确认。", marker="2."),
                _block(BlockKind.RULE),
                _block(
                    BlockKind.PARAGRAPH,
                    "联系人：李老师，",
                    Inline("office@example.org", link="mailto:office@example.org"),
                    "。",
                ),
            ),
            column="通知",
        ),
        Article(
            3,
            _TITLES[2],
            (
                _block(
                    BlockKind.PARAGRAPH,
                    "Member institutes are invited to the workshop on open research data, to be held online on 12 December. "
                    "Abstracts are accepted until the end of November.",
                ),
                _block(BlockKind.PARAGRAPH, "欢迎各会员单位参加12月12日在线举行的开放科研数据研讨会，摘要征集至11月底。"),
            ),
            column="交流",
            source_line="Source: Secretariat",
        ),
    ),
)
