"""What sounds done, and what does not."""

from __future__ import annotations

import pytest

from trunkline.flows.claims import is_claimed_aloud


@pytest.mark.parametrize(
    "text",
    [
        "It's done",
        "it\u2019s done.",
        "Good news. Your payment has been made",
        "I have paid that for you",
        "I just paid your bill",
        "Your payment went through",
        "You're all set",
        "Everything's been processed now",
        "All done",
        "The transfer was successful",
    ],
)
def test_a_claim_is_heard(text: str) -> None:
    assert is_claimed_aloud(text)


@pytest.mark.parametrize(
    "text",
    [
        "It's not done yet",
        "A colleague has to approve it before it is paid",
        "Nothing has been taken",
        "I will tell you once it has been made",
        "My colleague is still looking at it",
        "How much would you like to pay?",
        "Would you like to hear your balance",
        "It hasn't gone through",
    ],
)
def test_what_claims_nothing_passes(text: str) -> None:
    assert not is_claimed_aloud(text)
