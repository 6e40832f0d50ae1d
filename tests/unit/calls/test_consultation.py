"""The second leg of a warm transfer, as its table has it."""

from __future__ import annotations

from typing import get_args

import pytest

from trunkline.calls.consultation import (
    STAGES,
    Accepted,
    Answered,
    Briefed,
    Consultation,
    ConsultationEvent,
    ConsultationStage,
    Declined,
    LegOver,
    Rang,
    TimedOut,
    cause_of,
    key,
)
from trunkline.flows.actions import TransferCause


def after(*events: ConsultationEvent, needs_key: bool = False) -> Consultation:
    now = Consultation(needs_key)
    for event in events:
        now = now.after(event)
    return now


def test_every_stage_has_a_row_and_every_event_is_used() -> None:
    assert set(STAGES) == set(ConsultationStage)
    used = {event for row in STAGES.values() for event in row}
    assert used == set(get_args(ConsultationEvent))


def test_every_stage_that_is_not_settled_can_fail() -> None:
    for stage, row in STAGES.items():
        settled = stage in (ConsultationStage.JOINED, ConsultationStage.FAILED)
        assert ({LegOver, TimedOut} <= set(row)) is not settled


def test_a_human_who_stays_has_the_caller_when_the_briefing_ends() -> None:
    assert after(Rang(), Answered(), Briefed()).is_joined


def test_a_human_who_must_press_a_key_is_asked_for_it() -> None:
    asked = after(Rang(), Answered(), Briefed(), needs_key=True)
    assert asked.stage is ConsultationStage.ASKING
    assert asked.after(Accepted()).is_joined
    assert asked.after(Declined()).cause is TransferCause.REJECTED
    assert asked.after(TimedOut()).cause is TransferCause.NO_ANSWER


def test_one_pressed_in_the_briefing_takes_the_caller_at_once() -> None:
    pressed = key("1")
    assert pressed is not None
    assert after(Answered(), pressed, needs_key=True).is_joined
    assert key("7") is None


@pytest.mark.parametrize("status", [None, 200, 486])
def test_who_hangs_up_in_the_briefing_has_declined(status: int | None) -> None:
    failed = after(Rang(), Answered(), LegOver(status))
    assert (failed.sip_status, failed.cause) == (603, TransferCause.REJECTED)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (486, TransferCause.BUSY),
        (600, TransferCause.BUSY),
        (408, TransferCause.NO_ANSWER),
        (480, TransferCause.NO_ANSWER),
        (487, TransferCause.NO_ANSWER),
        (403, TransferCause.REJECTED),
        (603, TransferCause.REJECTED),
        (404, TransferCause.UNREACHABLE),
        (503, TransferCause.UNREACHABLE),
    ],
)
def test_the_final_status_of_the_invite_says_why(status: int, cause: TransferCause) -> None:
    assert cause_of(status) is cause
    assert after(Rang(), LegOver(status)).cause is cause


def test_nothing_changes_what_is_settled() -> None:
    joined = after(Answered(), Briefed())
    for event in (Rang(), Answered(), Declined(), LegOver(486), TimedOut()):
        assert joined.after(event) is joined
