"""RFC 4475, message by message, while somebody is talking."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from structlog.testing import capture_logs
from tests.peers.drivers.raw_sip import RawCaller, raw_caller
from tests.peers.drivers.torture import SILENCE, torture
from tests.peers.sip.conftest import Edge
from tests.peers.sip.raw_calls import both_hear, nothing_stays, raw_call

from trunkline.domain.leg import LegEnded

pytestmark = pytest.mark.peers

_REPEATS = 3  # of every message, to tell a line in the log from a line for each packet


async def answered_up_to_here(caller: RawCaller, mark: int) -> None:
    """An OPTIONS after it has its answer: whatever came before has been dealt with."""
    caller.call_id, caller.to_tag = f"mark-{mark}", ""
    caller.send(caller.request("OPTIONS", mark))
    await caller.answer(mark)


async def test_every_message_is_answered_as_it_may_be_and_harms_nobody(edge: Edge) -> None:
    wrong: list[str] = []
    with capture_logs() as logs:
        async with raw_call(edge) as (healthy, line), raw_caller(edge.endpoint.sip_port) as caller:
            for mark, message in enumerate(torture(caller.port), start=1):
                for _ in range(_REPEATS):
                    caller.send(message.raw)
                await answered_up_to_here(caller, mark)
                if SILENCE not in message.answers:  # an INVITE is judged beside, on our own thread
                    with suppress(AssertionError):
                        await caller.heard(final_to(message.name), deadline_s=5)
                wrong += told_wrong(caller, message.name, message.answers)
                caller.messages.clear()
            await both_hear(healthy, line)
            await healthy.hang_up()
            await line.wait_for(LegEnded)
    assert not wrong
    assert edge.arrivals.empty()
    await nothing_stays(edge)
    assert len([one for one in logs if one["log_level"] in ("warning", "error")]) < 60
    told = str([one for one in logs if one["log_level"] != "debug"])
    assert not re.search("mhandley|vivekg|jdrosen|Watson", told), "nobody's name is in the log"


def final_to(name: str) -> str:
    return rf"(?m)SIP/2\.0 [2-6]\d\d (?s:.*?)^Call-ID:\s*{name}$"


def told_wrong(caller: RawCaller, name: str, allowed: frozenset[int]) -> list[str]:
    """Final answers to it that are not among those allowed."""
    mine = [one for one in caller.messages if re.search(rf"^Call-ID:\s*{name}$", one, re.M)]
    statuses = {int(one[8:11]) for one in mine if one.startswith("SIP/2.0 ")}
    final = {status for status in statuses if status >= 200} or {SILENCE}
    return [] if final <= allowed else [f"{name}: {sorted(final)}, not {sorted(allowed)}"]
