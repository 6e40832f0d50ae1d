"""What talk costs: to the millionth, by the longest prefix, by the block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import Invalid
from trunkline.domain.tariff import Billing, Price, as_amount, as_millionths, as_tariff


@pytest.mark.parametrize(
    ("billing", "talked_s", "billed_s"),
    [
        (Billing(60, 60), 0, 0),
        (Billing(60, 60), 0.02, 60),
        (Billing(60, 60), 60, 60),
        (Billing(60, 60), 60.02, 120),
        (Billing(60, 1), 61.5, 62),
        (Billing(1, 1), 0.3, 1),
        (Billing(30, 6), 31, 36),
    ],
)
def test_a_block_begun_is_a_block_paid(billing: Billing, talked_s: float, billed_s: int) -> None:
    assert billing.billed_s(talked_s) == billed_s


def test_the_longest_prefix_has_the_price() -> None:
    tariff = as_tariff({"+44": 0.02, "+44 7": 0.1, "+1": 0}, "60/60")
    prices = {number: tariff.price(number) for number in ("+441632", "+447911", "+1212", "+49")}
    assert {n: p and p.per_minute for n, p in prices.items()} == {
        "+441632": 20_000,
        "+447911": 100_000,
        "+1212": 0,
        "+49": None,
    }


@given(
    st.integers(1, 10**9),
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0, 1e5),
    st.floats(0, 1e5),
)
def test_more_talk_never_costs_less_and_is_never_given_away(
    per_minute: int, first_s: int, then_s: int, one_s: float, other_s: float
) -> None:
    price = Price(per_minute, Billing(first_s, then_s))
    short, long = sorted((one_s, other_s))
    assert price.cost(short) <= price.cost(long)
    assert price.cost(long) * 60 >= per_minute * long - per_minute * 1e-6


@pytest.mark.parametrize(
    ("amount", "millionths", "text"),
    [(0.035, 35_000, "0.035"), ("12.5", 12_500_000, "12.5"), (3, 3_000_000, "3"), (0, 0, "0"),
     (1e-9, 1, "0.000001"), (100, 100_000_000, "100")],
)  # fmt: skip
def test_money_is_exact(amount: float | str, millionths: int, text: str) -> None:
    assert as_millionths(amount) == millionths
    assert as_amount(millionths) == text


@pytest.mark.parametrize("amount", ["free", -1, float("nan"), float("inf")])
def test_what_is_no_amount_is_said(amount: float | str) -> None:
    with pytest.raises(Invalid):
        as_millionths(amount)


@pytest.mark.parametrize("billing", ["", "60", "0/1", "60/60/60", "one/one"])
def test_billing_is_first_and_then(billing: str) -> None:
    with pytest.raises(Invalid, match="60/1"):
        as_tariff({}, billing)
