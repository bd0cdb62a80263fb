"""What a mailing is frozen with, and what bounds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mailer.hours import Hours, Span
from mailer.pacing import Tally
from mailer.rate import Bounds, Rate
from mailer.relay import Relay
from mailer.terms import Canary, InDoubtPolicy, SegmentTerm, Terms
from subscribers.errors import InputError
from tests import factories

NETEASE = Bounds(Rate(1, 3), at_once=2, per_day=300)
RELAY = Relay("smtp.example.org", 587, bounds=Bounds(Rate(20, 1), per_hour=500))
TERMS = replace(factories.TERMS, providers={"netease": NETEASE})


def rates(terms: Terms, provider: str = "netease") -> dict[str, str | None]:
    return {limit.name: str(limit.bounds.rate) if limit.bounds.rate else None for limit in terms.limits(7, provider, RELAY)}


def test_a_batch_is_bounded_by_its_relay_and_by_what_the_provider_bears_there() -> None:
    assert rates(TERMS) == {"relay:smtp.example.org:587": "20/s", "relay:smtp.example.org:587:netease": "1/3s"}
    assert rates(TERMS, "other") == {"relay:smtp.example.org:587": "20/s", "relay:smtp.example.org:587:other": None}


def test_the_pace_of_everything_and_of_the_mailing_come_on_top() -> None:
    terms = replace(TERMS, overall=Rate(50, 1), pace=Rate(5, 1))
    assert {"all": "50/s", "mailing:7": "5/s"}.items() <= rates(terms).items()


def test_a_pace_that_lowers_a_providers_holds_for_the_mailing_alone() -> None:
    terms = replace(TERMS, provider_pace={"netease": Rate(1, 60)})
    assert rates(terms)["mailing:7:netease"] == "1/min"
    assert rates(terms)["relay:smtp.example.org:587:netease"] == "1/3s"


def test_a_pace_that_raises_a_providers_replaces_it_and_keeps_its_allowance() -> None:
    terms = replace(TERMS, provider_pace={"netease": Rate(5, 1)})
    assert rates(terms) == {"relay:smtp.example.org:587": "20/s", "relay:smtp.example.org:587:netease": "5/s"}
    assert terms.bounds("netease") == Bounds(Rate(5, 1), at_once=3, per_day=300)


def test_a_pace_for_a_provider_of_which_nothing_is_known_holds_for_the_mailing() -> None:
    assert rates(replace(TERMS, provider_pace={"other": Rate(5, 1)}), "other")["mailing:7:other"] == "5/s"


def test_no_more_batches_are_at_work_than_keep_the_pace() -> None:
    def batches(**terms: object) -> dict[str, int]:
        return replace(TERMS, **terms).batches_at_once()  # type: ignore[arg-type]

    assert batches() == {"netease": 2, "other": 1000}
    assert batches(providers={"netease": replace(NETEASE, at_once=1)})["netease"] == 1
    assert batches(provider_pace={"netease": Rate(200, 1)})["netease"] == 8
    assert batches(pace=Rate(20, 1)) == {"netease": 2, "other": 2}
    assert batches(overall=Rate(10**6, 1))["other"] == 1000


def test_allowances_are_counted_by_relay_and_by_provider_at_a_relay() -> None:
    tallies = {limit.name: limit.tally for limit in TERMS.limits(7, "netease", RELAY)}
    assert tallies == {
        "relay:smtp.example.org:587": Tally("smtp.example.org:587"),
        "relay:smtp.example.org:587:netease": Tally("smtp.example.org:587", "netease"),
    }


def test_terms_are_kept_as_json() -> None:
    terms = Terms(
        factories.LETTERHEAD,
        overall=Rate(50, 1),
        pace=Rate(5, 1),
        provider_pace={"netease": Rate(1, 60)},
        providers={"netease": NETEASE, "google": Bounds(Rate(5, 1), at_once=5)},
        hours=Hours(ZoneInfo("Asia/Shanghai"), (Span.parse("09:00-18:00"),), workdays=True),
        canary=Canary(0.05, None, timedelta(minutes=15)),
        breakers=False,
        in_doubt=InDoubtPolicy.HOLD,
        retry_scale=0.5,
        segment=SegmentTerm("list(members)", "Asia/Shanghai"),
    )
    assert Terms.from_json(terms.to_json()) == terms
    assert Terms.from_json(factories.TERMS.to_json()) == factories.TERMS


@pytest.mark.parametrize(
    ("part", "recipients", "share"), [("5%", 1000, 0.05), ("0.5%", 10, 0.005), ("200", 1000, 0.2), ("200", 100, 1.0)]
)
def test_a_first_part_is_a_share_or_a_number(part: str, recipients: int, share: float) -> None:
    assert Canary.parse(part, "15min").share_of(recipients) == share


@pytest.mark.parametrize(
    ("part", "wait"),
    [("0%", "15min"), ("100%", "15min"), ("0", "1h"), ("a", "1h"), ("5%", "15"), ("5%", ""), ("5%", "99999999999h")],
)
def test_what_is_no_first_part_is_refused(part: str, wait: str) -> None:
    with pytest.raises(InputError, match="Give one like"):
        Canary.parse(part, wait)
