from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.products.payoff import Event, Status
from apps.products.replay import PaymentKind, rate_text, replay
from apps.products.terms.market import read_market
from apps.products.terms.sheet import Market, TermSheetError
from tests.term_sheets import DATES, sheet

# Sessions of the first half of 2019 around the four observations, weekends left out.
SESSIONS = [
    "2019-02-14", "2019-02-15", "2019-02-18", "2019-02-19",
    "2019-03-14", "2019-03-15", "2019-03-18", "2019-03-19",
    "2019-04-12", "2019-04-15", "2019-04-16", "2019-04-17",
    "2019-05-14", "2019-05-15", "2019-05-16", "2019-05-17",
]  # fmt: skip


def market(a, b=None, **more):
    """Closes of A and B on SESSIONS; a None is a day without a close."""
    prices = {
        share: {day: str(close) for day, close in zip(SESSIONS, closes, strict=True) if close}
        for share, closes in (("A", a), ("B", b or [100] * len(SESSIONS)))
    }
    return read_market({"prices": prices, "calendars": {"X": SESSIONS}, **more})


def listed(**terms):
    """The phoenix with both shares listed on X."""
    underlyings = [{"id": share, "initial": "100", "calendar": "X"} for share in "AB"]
    return sheet(underlyings=underlyings, **terms)


QUARTERS = [90] * 4 + [60] * 4 + [60] * 4 + [90] * 4


def test_a_replay_prints_what_the_format_asks_for():
    result = replay(listed(payment={"lag": 2, "calendar": "X"}), market(QUARTERS)).as_json()
    assert result == {
        "status": "MATURED",
        "call_date": None,
        "observations": [
            {
                "n": n,
                "scheduled": day,
                "valuation": {"A": day, "B": day},
                "perf": {"A": f"0.{level}000000", "B": "1.00000000"},
                "event": event,
                "coupon": coupon,
                "memory": memory,
                "autocalled": False,
            }
            for n, day, level, event, coupon, memory in [
                (1, DATES[0], 90, "ACCRUED", "20.00", "0"),
                (2, DATES[1], 60, "SAVED", "0.00", "0.02"),
                (3, DATES[2], 60, "SAVED", "0.00", "0.04"),
                (4, DATES[3], 90, "ACCRUED", "60.00", "0"),
            ]
        ],
        "payments": [
            {"date": "2019-02-19", "type": "coupon", "amount": "20.00"},
            {"date": "2019-05-17", "type": "coupon", "amount": "60.00"},
            {"date": "2019-05-17", "type": "redemption", "amount": "1000.00"},
        ],
        "knocked_in": False,
        "redemption": "1000.00",
        "memory_unpaid": "0",
        "coupons_total": "80.00",
        "total": "1080.00",
    }


def test_the_first_observation_not_known_yet_is_pending_and_the_last_one_shown():
    result = replay(listed(), market(QUARTERS, as_of="2019-03-14"))
    assert [item.event for item in result.observations] == [Event.ACCRUED, Event.PENDING]
    assert result.state.status is Status.LIVE
    printed = result.as_json()["observations"][1]
    assert printed == {
        "n": 2, "scheduled": DATES[1], "valuation": {"A": None, "B": None}, "perf": {},
        "event": "PENDING", "coupon": None, "memory": None, "autocalled": False,
    }  # fmt: skip


def test_a_missing_close_moves_that_share_to_its_next_session():
    gap = [*QUARTERS]
    gap[5] = None
    found = replay(listed(), market(gap)).observations[1].valuation
    assert found["A"].day == date(2019, 3, 18)
    assert found["B"].day == date(2019, 3, 15)


def test_nothing_is_paid_before_it_is_valued():
    observations = [{"date": DATES[0], "pay": "2019-02-18"}]
    disrupted = {"A": ["2019-02-15", "2019-02-18"]}
    result = replay(listed(observations=observations), market(QUARTERS, disrupted=disrupted))
    assert {payment.on for payment in result.payments} == {date(2019, 2, 19)}


@pytest.mark.parametrize(
    "terms",
    [
        {"payment": {"lag": 1}},
        {
            "observations": [
                *({"date": day} for day in DATES[:-1]),
                {"date": DATES[-1], "pay": "2019-05-16"},
            ]
        },
    ],
)
def test_capital_comes_back_at_maturity_and_the_last_coupon_when_it_is_paid(terms):
    result = replay(listed(maturity="2019-05-20", **terms), market(QUARTERS))
    assert [(payment.on, payment.kind) for payment in result.payments[-2:]] == [
        (date(2019, 5, 16), PaymentKind.COUPON),
        (date(2019, 5, 20), PaymentKind.REDEMPTION),
    ]


def test_a_split_between_observations_changes_no_level():
    split = [close / 4 if n >= 6 else close for n, close in enumerate(QUARTERS)]
    actions = [{"id": "A", "ex": "2019-03-18", "type": "split", "ratio": 4}]
    plain, changed = (
        replay(listed(), market(QUARTERS)),
        replay(listed(actions=actions), market(split)),
    )
    assert changed.as_json() == plain.as_json()


def test_a_call_ends_the_replay_and_leaves_the_residual_for_maturity():
    autocall = {"barrier": "1", "redemption": "0.97", "deferred": "0.03"}
    result = replay(listed(autocall=autocall, maturity="2022-01-17"), market([90] * 4 + [110] * 12))
    assert (result.state.status, result.call_date) == (Status.CALLED, date(2019, 3, 15))
    assert [(p.on, p.kind, p.amount) for p in result.payments[1:]] == [
        (date(2019, 3, 15), PaymentKind.COUPON, 20_00),
        (date(2019, 3, 15), PaymentKind.REDEMPTION, 970_00),
        (date(2022, 1, 17), PaymentKind.RESIDUAL, 30_00),
    ]
    assert len(result.observations) == 2


def test_an_american_barrier_looks_at_every_close_even_of_one_share_alone():
    closes = [100] * len(SESSIONS)
    closes[2] = 55
    lone = [None if n == 2 else 100 for n in range(len(SESSIONS))]
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american"}
    result = replay(listed(redemption=redemption), market(closes, lone))
    assert result.state.knocked_in
    assert result.redemption == 1000_00  # back above its strike on the last day


def test_a_close_on_a_disrupted_day_breaches_too_although_it_values_nothing():
    closes = [100] * len(SESSIONS)
    closes[2] = 55
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american"}
    past = market(closes, disrupted={"A": [SESSIONS[2]]})
    assert replay(listed(redemption=redemption), past).state.knocked_in


def test_a_breach_after_the_end_or_before_the_issue_does_not_count():
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american"}
    for breach in (0, -1):
        closes = [100] * len(SESSIONS)
        closes[breach] = 55
        terms = listed(
            redemption=redemption,
            issue_date="2019-02-15",
            observations=[{"date": day} for day in DATES[1:]],
        )
        assert not replay(terms, market(closes)).state.knocked_in


def test_a_breach_is_seen_while_the_next_observation_is_still_to_come():
    closes = [100] * len(SESSIONS)
    closes[4] = 55
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american"}
    assert replay(
        listed(redemption=redemption), market(closes, as_of="2019-03-14")
    ).state.knocked_in


def test_without_calendars_every_day_with_a_close_is_a_session():
    found = market(QUARTERS)
    open_market = Market(found.prices, {}, {}, None)
    assert replay(listed(), open_market).observations[0].event is Event.ACCRUED


def test_without_calendars_the_last_day_known_is_as_of():
    """On Sunday, 17 March, nobody knows of a session after Friday's, and nobody needs to."""
    observations = [{"date": "2019-03-17"}]
    terms = listed(observations=observations, schedule={"roll": "preceding"})
    prices = market(QUARTERS).prices
    for as_of, event in ((16, Event.PENDING), (17, Event.SAVED)):
        found = replay(terms, Market(prices, {}, {}, date(2019, 3, as_of))).observations[0]
        assert found.event is event


def test_a_calendar_that_is_not_there_is_an_error_and_not_a_guess():
    found = market(QUARTERS)
    with pytest.raises(TermSheetError, match="there is no calendar X"):
        replay(listed(), Market(found.prices, {"Y": ()}, {}, None))


def test_a_market_without_prices_leaves_the_first_observation_pending():
    result = replay(listed(), read_market({"prices": {}}))
    assert [item.event for item in result.observations] == [Event.PENDING]


class Closes(Mapping):
    """Closes that blow up when one after the day is read."""

    def __init__(self, closes, last):
        self.closes, self.last = closes, last

    def __getitem__(self, day):
        assert day <= self.last, f"{day} was read as of {self.last}"
        return self.closes[day]

    def __iter__(self):
        return iter(self.closes)

    def __len__(self):
        return len(self.closes)


closes = st.lists(st.sampled_from([None, 50, 65, 80, 95, 105]), min_size=16, max_size=16)
term_sheets = st.fixed_dictionaries(
    {
        "autocall": st.sampled_from([{}, {"barrier": "1", "stock_memory": True}]),
        "memory": st.booleans(),
        "redemption": st.sampled_from(
            [
                {"type": "barrier", "barrier": "0.6", "style": style}
                for style in ("european", "american", "observation")
            ]
        ),
        "schedule": st.fixed_dictionaries(
            {
                "roll": st.sampled_from(["none", "following", "modified_following", "preceding"]),
                "common": st.booleans(),
                "max_disruption": st.integers(0, 3),
                "disruption_scope": st.sampled_from(["affected", "all"]),
            }
        ),
    }
)


@settings(max_examples=150, deadline=None)
@given(term_sheets, closes, closes, st.sampled_from(SESSIONS), st.booleans())
def test_a_replay_as_of_an_earlier_day_reads_nothing_later_and_is_never_rewritten(
    terms, a, b, today, calendared
):
    whole = market(a, b)
    calendars = whole.calendars if calendared else {}
    day = date.fromisoformat(today)
    guarded = {share: Closes(found, day) for share, found in whole.prices.items()}
    then = replay(listed(**terms), Market(guarded, calendars, {}, day))
    now = replay(listed(**terms), Market(whole.prices, calendars, {}, date(2019, 12, 31)))
    known = [item for item in then.observations if item.outcome]
    assert known == list(now.observations[: len(known)])
    assert then.payments == now.payments[: len(then.payments)]
    assert now.state.knocked_in or not then.state.knocked_in


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1, 40), "0.025"),
        (Fraction(10), "10"),
        (Fraction(1, 3), "0.333333333333"),
    ],
)
def test_a_rate_is_printed_plainly(rate, text):
    assert rate_text(rate) == text
