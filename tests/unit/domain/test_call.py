"""The call's state table, walked."""

from __future__ import annotations

from typing import get_args

import pytest

from trunkline.domain.call import (
    ANSWERABLE,
    TRANSITIONS,
    Answered,
    CallEvent,
    CallState,
    Disconnected,
    EndCause,
    IllegalTransition,
    Ringing,
    next_state,
)


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(CallState)


def test_every_live_state_can_end_and_the_ended_one_cannot() -> None:
    for state, row in TRANSITIONS.items():
        assert (Disconnected in row) == (state is not CallState.ENDED)


def test_every_event_is_used_and_every_row_knows_its_events() -> None:
    used = {event for row in TRANSITIONS.values() for event in row}
    assert used == set(get_args(CallEvent))


def test_every_state_can_be_reached_from_the_first() -> None:
    reached, frontier = {CallState.INITIATED}, [CallState.INITIATED]
    while frontier:
        for state in TRANSITIONS[frontier.pop()].values():
            if state not in reached:
                reached.add(state)
                frontier.append(state)
    assert reached == set(CallState)


def test_every_cause_names_who_is_answerable() -> None:
    assert set(ANSWERABLE) == set(EndCause)


def test_a_call_is_answered_once() -> None:
    state = next_state(next_state(CallState.INITIATED, Ringing()), Answered())
    assert state is CallState.ANSWERED
    with pytest.raises(IllegalTransition, match="Answered is not allowed in answered"):
        next_state(state, Answered())
