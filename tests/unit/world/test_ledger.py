"""The ledger: what goes in comes out, also from its file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailer.world.fates import Stage
from mailer.world.ledger import Attempt, Deed, Entry, Ledger, Visit

attempts = st.builds(
    Attempt,
    at=st.floats(0, 2e9),
    address=st.sampled_from(["a@qq.example", "张三@163.example"]),
    stage=st.sampled_from(Stage),
    reply=st.sampled_from(["250 2.0.0 Ok", "550 User not found", "451 4.7.1 later", "250 \u2028", None]),
    kept=st.booleans(),
    message_id=st.sampled_from(["<1@b.example>", "<2@b.example>", None]),
    octets=st.integers(0, 10**6),
)
visits = st.builds(
    Visit,
    at=st.floats(0, 2e9),
    address=st.sampled_from(["a@qq.example", "b@qq.example"]),
    deed=st.sampled_from(Deed),
    url=st.just("http://127.0.0.1/o/x.gif"),
    status=st.sampled_from([200, 500, None]),
    good=st.booleans(),
    agent=st.just("Mozilla/5.0"),
)


@given(st.lists(attempts | visits))
def test_what_was_written_is_read_again(entries: list[Entry]) -> None:
    lines: list[str] = []
    ledger = Ledger(lines.append)
    for entry in entries:
        ledger.add(entry)
    assert not any("\n" in line for line in lines)
    again = Ledger.of_lines(line.encode() for line in lines)
    assert again.recipients() == ledger.recipients()
    assert again.summary() == ledger.summary()


def test_a_line_that_is_not_whole_yet_is_left_out(tmp_path: Path) -> None:
    lines: list[str] = []
    ledger = Ledger(lines.append)
    for address in ("a@qq.example", "张三@qq.example"):
        ledger.add(Attempt(1.0, address, Stage.RCPT, "550 no"))
    path = tmp_path / "ledger.jsonl"
    path.write_bytes("\n".join(lines).encode()[:-3])
    assert list(Ledger.load(path).recipients()) == ["a@qq.example"]


def test_the_summary_counts_recipients_by_what_they_got() -> None:
    ledger = Ledger()
    for entry in (
        Attempt(1, "refused@qq.example", Stage.RCPT, "550 no"),
        Attempt(2, "late@qq.example", Stage.RCPT, "550 Connection frequency limited."),
        Attempt(3, "late@qq.example", Stage.DOT, "250 Ok", kept=True, message_id="<1>", octets=10),
        Attempt(4, "grey@qq.example", Stage.RCPT, "451 4.7.1 later"),
        Attempt(5, "double@qq.example", Stage.DOT, None, kept=True, message_id="<2>", octets=10),
        Attempt(6, "double@qq.example", Stage.DOT, "250 Ok", kept=True, message_id="<2>", octets=10),
        Visit(7, "late@qq.example", Deed.OPEN, "/o", 200, True, ""),
        Visit(8, "late@qq.example", Deed.OPEN, "/o", 200, True, ""),
        Visit(9, "double@qq.example", Deed.CLICK, "/c", 500, False, ""),
    ):
        ledger.add(entry)
    summary = ledger.summary()
    assert (summary.recipients, summary.attempts, summary.messages_kept, summary.octets_kept) == (4, 6, 3, 30)
    assert (summary.reached, summary.refused, summary.deferred) == (2, 1, 1)
    assert (summary.doubled, summary.unanswered) == (1, 1)
    assert (summary.opened, summary.clicked, summary.failed_visits) == (1, 0, 1)


def test_of_a_stranger_nothing_is_known() -> None:
    assert Ledger().recipient("nobody@qq.example").attempts == 0
