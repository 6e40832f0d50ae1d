"""Calls that we placed, on the pages: whom we called stands where the caller stands else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.story import Story

from trunkline.dashboard import formats
from trunkline.domain.call import CallState, Direction
from trunkline.domain.events import CallStarted


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


async def test_the_pages_show_whom_we_called_and_that_we_called_them(office: Office) -> None:
    await office.log_in()
    story = Story(caller="")
    story.ring()
    begun = story.facts[0]
    assert isinstance(begun, CallStarted)
    story.facts = [
        replace(begun, direction=Direction.OUTBOUND, called_number="+441632960100", trunk="carrier")
    ]
    await office.store(story.facts)
    listed = (await office.page("/calls")).text
    assert "+441632960100" in listed and "outbound" in listed and "Dialling" in listed
    page = (await office.page("/calls/call_story")).text
    assert "Us" in page and "Dialling" in page and "Unknown caller" not in page
