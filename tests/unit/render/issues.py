"""Issues that the tests of this folder render."""

from datetime import date

from mailer.block import Block, BlockKind
from mailer.edition import Field, Imprint
from mailer.issue import Article, ContentsEntry, Issue

IMPRINT = Imprint(
    sender="中国科学技术院所联谊会秘书处", contact="jianbao@bulletin.example.cn", postal_address="北京市海淀区示例路1号"
)

VALUES = {
    Field.SALUTATION: "王老师",
    Field.INSTITUTE: "北京示例研究院",
    Field.ADDRESS: "wang@institute.example.cn",
    Field.UNSUBSCRIBE_URL: "https://mail.example.cn/u/abcdefghijklmnopqrstuvwx234567",
    Field.VIEW_URL: "https://mail.example.cn/v/abcdefghijklmnopqrstuvwx234567",
    Field.PIXEL_URL: "https://mail.example.cn/o/abcdefghijklmnopqrstuvwx234567.gif",
    Field.CLICK_URL: "https://mail.example.cn/c/abcdefghijklmnopqrstuvwx234567",
}


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


def heading(text: str) -> Block:
    return Block(BlockKind.HEADING, text)


def item(text: str) -> Block:
    return Block(BlockKind.ITEM, text)


def article(position: int, title: str, *blocks: Block, column: str | None = None, source_line: str | None = None) -> Article:
    return Article(position, title, blocks, column, source_line)


def issue(*articles: Article, **changes: object) -> Issue:
    """An issue of the model bulletin with these articles; `changes` replace its other fields."""
    fields: dict[str, object] = {
        "publisher": "中国科学技术院所联谊会",
        "title": "信息集锦",
        "kind": "简报",
        "year": 2023,
        "number": 9,
        "total_number": 190,
        "date": date(2023, 8, 3),
        "articles": articles,
    }
    return Issue(**(fields | changes))  # type: ignore[arg-type]


SAMPLE = issue(
    article(
        1,
        "联谊会召开科研院所社团工作会议",
        paragraph("7月20日至21日，联谊会在昆明市召开科研院所社团工作会议。会议由秘书长主持，来自7个省市的代表参加了会议。"),
        heading("会议日程"),
        item("（一）上午：全体会议，交流党建工作、服务会员单位和促进经济社会发展的经验；"),
        item("（二）下午：分组讨论。"),
        paragraph("通知全文见https://www.example.cn/notice/2023-07.html，报名截止7月15日。"),
        column="本会动态",
    ),
    article(
        2,
        "加快完善科技金融服务体系，推动科技金融措施更加精准、更加系统",
        paragraph(
            "本报讯 “促进科技与金融深度融合，对实现高水平科技自立自强至关重要。”7月27日举行的吹风会上，有关负责人这样表示。"
        ),
        heading("三项措施"),
        item("推动科技信贷服务水平不断提升"),
        item("配合设立创业板市场"),
        item("加强科技数据共享利用，在高新区实施“企业创新积分制”，仅2022年积分企业获得银行授信1178.6亿元"),
        column="政策速递",
        source_line="（来源：中国高新技术产业导报　作者：张 伟）",
    ),
    contents=(
        ContentsEntry("★联谊会召开科研院所社团工作会议", "联谊会召开科研院所社团工作会议", "本会动态"),
        ContentsEntry(
            "★加快完善科技金融服务体系，推动科技金融措施更加精准、更加系统",
            "加快完善科技金融服务体系，推动科技金融措施更加精准、更加系统",
            "政策速递",
        ),
    ),
    colophon=("编辑：联谊会秘书处　电话：010-00000000", "报送：会长、副会长　发送：各会员单位"),
)
