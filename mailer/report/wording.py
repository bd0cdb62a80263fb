"""What states and reasons are called in front of people who do not run mail servers, and what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mailer.models import DeliveryState, MailingStatus
from mailer.reply import Meaning
from mailer.smtp.outcomes import Reason
from mailer.succession import NOT_FIRST_CONTACT, NOT_OF_ROLE
from subscribers.models import SubscriptionState, SuppressionReason, TrackingMode

STATUSES: Mapping[MailingStatus, str] = MappingProxyType(
    {
        MailingStatus.DRAFT: "草稿",
        MailingStatus.SCHEDULED: "已排期",
        MailingStatus.SENDING: "发送中",
        MailingStatus.PAUSED: "已暂停",
        MailingStatus.CANCELLED: "已取消",
        MailingStatus.FINISHED: "已完成",
    }
)
STATES: Mapping[DeliveryState, str] = MappingProxyType(
    {
        DeliveryState.PENDING: "尚未发送",
        DeliveryState.DEFERRED: "等待重试",
        DeliveryState.ACCEPTED: "已接收",
        DeliveryState.BOUNCED: "被退回",
        DeliveryState.COMPLAINED: "收到后投诉",
        DeliveryState.FAILED: "我方原因未发出",
        DeliveryState.SKIPPED: "按规定未寄",
        DeliveryState.IN_DOUBT: "结果不明",
    }
)


MODES: Mapping[TrackingMode, str] = MappingProxyType(
    {
        TrackingMode.OFF: "本次发送的名单不做阅读统计：邮件里没有统计用的图片和链接。",
        TrackingMode.AGGREGATE: "阅读情况只按整次发送统计，不记录是谁。",
        TrackingMode.INDIVIDUAL: "阅读情况按整次发送统计；只有本人同意的，才按人记录。",
    }
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason in plain Chinese, and the advice that follows from it; the advice may be empty."""

    label: str
    advice: str


_ASK_FOR_ADDRESS = "请向该单位核实，更新联系地址。"
_ASK_TO_ALLOW = "请对方邮箱管理员把本刊发件地址加入白名单。"
_OUR_STAFF = "请技术人员处理后重发。"
_NEXT_ISSUE = "系统已多次重试；下一期照常寄送。"
_STILL_TRYING = "系统会自动重试，暂时不必处理。"

_EXPLANATIONS: Mapping[str, Explanation] = MappingProxyType(
    {
        Meaning.UNKNOWN_USER: Explanation("地址不存在", _ASK_FOR_ADDRESS),
        Meaning.DOMAIN_DEAD: Explanation("邮箱域名已失效", _ASK_FOR_ADDRESS),
        Meaning.MAILBOX_DISABLED: Explanation("邮箱已停用", _ASK_FOR_ADDRESS),
        Meaning.MAILBOX_FULL: Explanation("邮箱已满", "请提醒对方清理邮箱；下一期照常寄送。"),
        Meaning.TRANSIENT: Explanation("对方服务器暂时不能接收", _NEXT_ISSUE),
        Meaning.CONNECTION_RATE: Explanation("对方限制了连接频率", "请放慢发送速度。"),
        Meaning.SENDER_RATE: Explanation("对方限制了我方发送频率", "请放慢发送速度。"),
        Meaning.RECIPIENT_RATE: Explanation("对方邮箱当日收信已达上限", _NEXT_ISSUE),
        Meaning.CONTENT: Explanation("内容被对方判为垃圾邮件", "请检查标题、用语和链接，再与对方联系。"),
        Meaning.REFUSED_BY_RECIPIENT: Explanation("对方设置了拒收", _ASK_TO_ALLOW),
        Meaning.REPUTATION: Explanation("我方服务器信誉受限", _OUR_STAFF),
        Meaning.AUTHENTICATION: Explanation("我方域名认证未通过", "请技术人员检查 SPF、DKIM、DMARC 和反向解析。"),
        Meaning.ACCOUNT: Explanation("我方发信账号受限", _OUR_STAFF),
        Meaning.PROTOCOL: Explanation("邮件或会话不合对方要求", _OUR_STAFF),
        Meaning.AMBIGUOUS: Explanation("对方拒收，未说明原因", "下一期照常寄送；若再被拒，请与对方联系。"),
        "unreachable": Explanation("连不上发信服务器", _OUR_STAFF),
        Reason.CONNECT: Explanation("连不上发信服务器", _OUR_STAFF),
        Reason.BUSY: Explanation("对方服务器答复太慢", _NEXT_ISSUE),
        Reason.GREETING: Explanation("发信服务器拒绝了连接", _OUR_STAFF),
        Reason.TLS: Explanation("与发信服务器无法加密通信", _OUR_STAFF),
        Reason.AUTH: Explanation("登录发信服务器失败", _OUR_STAFF),
        Reason.CLOSING: Explanation("发信服务器中止了会话", _NEXT_ISSUE),
        Reason.CLOSED: Explanation("连接中断", _NEXT_ISSUE),
        Reason.TIMEOUT: Explanation("对方没有及时答复", _NEXT_ISSUE),
        Reason.GARBAGE: Explanation("对方的答复无法理解", _OUR_STAFF),
        Reason.TOO_BIG: Explanation("邮件超过对方的大小限制", "请缩短本期内容。"),
        Reason.NEEDS_SMTPUTF8: Explanation("服务器不支持中文邮箱地址", "请该单位另给一个英文地址。"),
        Reason.NEEDS_8BITMIME: Explanation("服务器不支持本邮件的编码", _OUR_STAFF),
        Reason.MALFORMED: Explanation("地址写法有误", "请更正名单中的地址。"),
        "worker_lost": Explanation("发送中断，未收到答复", "对方可能已收到；请勿急于重发。"),
        "under_way": Explanation("取消时正在发送，未收到答复", "对方可能已收到；请勿急于重发。"),
        "cancelled": Explanation("本次发送已取消", ""),
        "disabled": Explanation("地址因多次退信已停用", _ASK_FOR_ADDRESS),
        NOT_FIRST_CONTACT: Explanation("本单位由前一位联系人接收", ""),
        NOT_OF_ROLE: Explanation("本名单只寄给指定职务的联系人", ""),
        "on an excluded list": Explanation("在本次排除的名单中", ""),
        "wants fewer issues": Explanation("按本人选择的频率，本期不寄", ""),
        SubscriptionState.UNSUBSCRIBED: Explanation("已退订", ""),
        SubscriptionState.UNCONFIRMED: Explanation("尚未确认订阅", "请联系对方确认。"),
        f"suppressed: {SuppressionReason.UNSUBSCRIBED}": Explanation("已退订", ""),
        f"suppressed: {SuppressionReason.COMPLAINT}": Explanation("曾投诉本刊，不再寄送", ""),
        f"suppressed: {SuppressionReason.HARD_BOUNCE}": Explanation("地址此前已被退回，不再寄送", _ASK_FOR_ADDRESS),
        f"suppressed: {SuppressionReason.SOFT_BOUNCE}": Explanation("屡次暂时退信，已停寄", _ASK_TO_ALLOW),
        f"suppressed: {SuppressionReason.REFUSED}": Explanation("对方拒收，不再寄送", _ASK_TO_ALLOW),
        f"suppressed: {SuppressionReason.ERASED}": Explanation("应本人要求已删除资料", ""),
        f"suppressed: {SuppressionReason.STAFF}": Explanation("工作人员设为不寄", ""),
    }
)


def explain(state: DeliveryState, reason: str | None) -> Explanation:
    """The reason in plain Chinese; one that is not in the table keeps its own words. What is still tried needs nobody's help."""
    found = Explanation(STATES[state], "") if reason is None else _EXPLANATIONS.get(reason, Explanation(reason, ""))
    return replace(found, advice=_STILL_TRYING) if state is DeliveryState.DEFERRED else found
