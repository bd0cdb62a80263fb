"""Automatic answers of those who have left, and of those who are only away."""

from __future__ import annotations

import time

import pytest

from mailer.feedback.departed import Departed, departed

OWN = ("zhang@institute.example",)


@pytest.mark.parametrize(
    ("words", "successor"),
    [
        ("您好，本人已离职，相关工作请联系李明 liming@institute.example，谢谢。", "liming@institute.example"),
        ("我已从本单位离职。如有工作事宜请发至办公室邮箱。", ""),
        ("张伟同志已于2023年7月退休，今后来信请寄：bgs@institute.example", "bgs@institute.example"),
        ("本人已不在情报所工作，业务由王芳接替（wangfang@institute.example）。", "wangfang@institute.example"),
        ("本人现已调离原岗位，邮件不再查看。", ""),
        ("我已经离开研究院，此邮箱将停用。", ""),
        ("本人不再负责院刊工作，请改寄 kanwu@institute.example 。", "kanwu@institute.example"),
        (
            "Zhang Wei is no longer with the institute. Please contact Li Ming <liming@institute.example>.",
            "liming@institute.example",
        ),
        ("I have left the Academy of Sciences. Write to a@x.example or b@x.example.", ""),
        (
            "I no longer work here. For urgent matters: OFFICE@Institute.example, zhang@institute.example",
            "office@institute.example",
        ),
        ("Dr Zhang has recently left our research institute.", ""),
        ("Dr Zhang has retired; until further notice mail goes to office@institute.example.", "office@institute.example"),
        ("本邮箱已停用，请发送至 bgs@institute.example", "bgs@institute.example"),
        ("您好！我的邮箱地址已更换为 zhangwei@new.example，请更新通讯录。", "zhangwei@new.example"),
        ("此邮箱将于2026年12月31日停用，来信请改寄 bgs@institute.example。", "bgs@institute.example"),
        ("原单位邮箱不再使用。", ""),
        ("账号已注销", ""),
        ("已更换新邮箱：zw@new.example", "zw@new.example"),
        ("This mailbox is no longer monitored. Please write to office@institute.example.", "office@institute.example"),
        ("I no longer use this address; my email address is now zw@new.example", "zw@new.example"),
    ],
)
def test_who_has_left_says_so_and_sometimes_who_follows(words: str, successor: str) -> None:
    assert departed(words, OWN) == Departed(successor)


@pytest.mark.parametrize(
    "words",
    [
        "您好，我正在出差，8月15日回来。急事请联系李明 liming@institute.example。",
        "本人休假至8月20日，期间不在单位工作，由李明 liming@institute.example 代理。",
        "我不在办公室，回来后会尽快回复您的邮件。",
        "邮件已收到，我会尽快回复。",
        "外出开会，已离开公司，晚上回到单位后处理。",
        "会议时间已调到下周，详情请联系李明 liming@institute.example。",
        "办理离职手续请联系人事处 hr@institute.example。",
        "I am out of the office until 20 August. Please contact Li Ming <liming@institute.example>.",
        "I have left the office for today and will be back on Monday.",
        "I am no longer in the office today.",
        "I have left for my holidays.",
        "The paper is no longer with the editors.\nI am on leave.",
        "本邮箱密码已更改，邮件已收到。",
        "如您的邮箱地址变更，请告知我们。",
        "邮箱已满，请稍后再发。",
        "Please do not reply: this mailbox is not monitored.",
        "Thank you for your message.",
        "",
    ],
)
def test_who_is_away_has_not_left(words: str) -> None:
    assert departed(words, OWN) is None


@pytest.mark.parametrize(
    "piece",
    ["已", "已从", "不再", "no longer ", "has left the ", "本邮箱已", "本邮箱", "mail ", "a@", "a.b@c.", "is no longer with "],
)
def test_no_words_take_long(piece: str) -> None:
    started = time.process_time()
    departed(piece * 20_000, OWN)
    assert time.process_time() - started < 1
