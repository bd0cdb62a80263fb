"""Which words name an organisation, and which a newspaper, an agency or a site."""

from __future__ import annotations

import re

from mailer.importers.lines import simplified

_ORGANISATION = re.compile(
    r"[\u4e00-\u9fffA-Za-z（）()·]{1,40}(?:研究总?院|科学院|技术院|总院|学院|大学|学校|医院|法院|分院|院所?|研究所|所|协会|学会|商会|工会|公会|总会|校友会|同学会|红十字会|慈善会|联合会|联谊会|"
    r"研究会|促进会|基金会|委员会|常委会|理事会|编委会|专委会|分会|公司|集团|中心|办公室|编辑部|秘书处|杂志社|出版社|联盟|实验室|图书馆|博物馆|政府|银行|"
    r"协作网|协作组|协作体|开发区|高新区|园区|党委|党组|团委|支部|科协|社科联|工商联|文联|侨联|妇联|残联|贸促会|[省市县区部]?[\u4e00-\u9fff]{1,6}[局厅委办处部站]|部)"
)
_LONGEST = 48  # characters that this can match: 40, and 区 with six more and 局
_ENGLISH = re.compile(
    r"(?=.*\b(?i:association|institutes?|academy|university|college|society|federation|council|union|cent(?:re|er)|committee|alliance|foundation)\b)"
    r"(?:The\s+)?[A-Z][\w&.'’-]*(?:[ ,]+(?:of|for|and|the|in|on|&|[A-Z][\w&.'’-]*))*"
)
_ENGLISH_KIND = re.compile(r"(?i:newsletter|bulletin|news|digest|review|report|journal|gazette|monthly|weekly)s?\W*$")
_NOT_ORGANISATION = re.compile(
    r"工作会|座谈会|研讨会|大会|会议|年会|报告会|培训会|推进会|交流会|发布会|走进|走访|召开|举办|关于|请|场所|(?:全|内|外|中|东|西|南|北)部$"
)
_OFFICES = ("办公室", "编辑部", "秘书处", "综合处", "综合部", "党委", "团委", "工会")
_MEDIUM = re.compile(
    r"《?[\u4e00-\u9fffA-Za-z0-9·“”—]{1,20}(?:日报|晚报|早报|时报|导报|学报|商报|青年报|报|周刊|月刊|杂志|新闻|新闻网|网站?|官网|在线|通讯社|电视台|"
    r"公众号|微信公众号|客户端|频道|智库)》?(?:(?:微信|微信公众号|客户端|官网|网站?))?|新华社|中新社|央视|人民网|求是|新华视点|中国政府网"
)
_NOT_MEDIUM = re.compile(r"(?:[简通快专汇上年申举预]报|情报|互联网|联网|物联网|电网|上网)$")


def is_organisation(text: str) -> bool:
    """Whether a text is the name of an organisation, or of one of its offices, and of nothing else."""
    text = simplified(text)
    return text in _OFFICES or (
        len(text) >= 3 and _ORGANISATION.fullmatch(text) is not None and _NOT_ORGANISATION.search(text) is None
    )


def is_english_organisation(text: str) -> bool:
    """Whether a text is the name of an organisation in English: words with capitals, and one that says that it is one."""
    return _ENGLISH.fullmatch(text) is not None and _ENGLISH_KIND.search(text) is None


def is_medium(text: str) -> bool:
    """Whether a text is the name of a newspaper, a news agency, a journal or a site."""
    text = simplified(text)
    return _MEDIUM.fullmatch(text) is not None and _NOT_MEDIUM.search(text.strip("《》")) is None


def leading_organisation(text: str) -> str | None:
    """The longest organisation's name that a text begins with, as in 中国某某协会工作简报; None where it begins with none."""
    for end in range(min(len(text) - 2, _LONGEST), 2, -1):
        if is_organisation(text[:end]):
            return text[:end]
    return None
