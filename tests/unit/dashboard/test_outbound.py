"""Calls that we placed, on the pages: whom we called stands where the caller stands else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trunkline.dashboard import formats
from trunkline.domain.call import CallState, Direction


@dataclass(frozen=True)
class Parties:
    direction: Direction
    state: CallState = CallState.ANSWERED
    caller_number: str = "+441"
    called_number: str = "+442"


@pytest.mark.parametrize(
    ("call", "person", "caller"),
    [
        (Parties(Direction.INBOUND), "+441", "+441"),
        (Parties(Direction.OUTBOUND), "+442", "+441"),
        (Parties(Direction.INBOUND, caller_number=""), "Unknown caller", "Unknown caller"),
        (Parties(Direction.OUTBOUND, caller_number=""), "+442", "Us"),
    ],
)
def test_the_person_is_whoever_is_not_us(call: Parties, person: str, caller: str) -> None:
    assert (formats.person(call), formats.caller_words(call)) == (person, caller)


def test_a_call_of_ours_is_dialled_before_it_rings() -> None:
    assert formats.standing(Parties(Direction.OUTBOUND, CallState.INITIATED)) == "Dialling"
    assert formats.standing(Parties(Direction.INBOUND, CallState.INITIATED)) == "Starting"
    assert formats.standing(Parties(Direction.OUTBOUND, CallState.RINGING)) == "Ringing"
