"""Requests inside a call that are nobody's business: each gets the answer its RFC asks for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers.sip.conftest import Edge, running_edge
from tests.peers.sip.raw_calls import both_hear, raw_call

from trunkline.domain.leg import LegEnded

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


@pytest.mark.parametrize(
    ("method", "body", "kind", "headers", "status", "says"),
    [
        # Carriers ask so whether a call is still there; RFC 3261 §11.2, RFC 6086 §4.2.2.
        pytest.param("OPTIONS", "", "", "", 200, r"Allow: .*INVITE", id="OPTIONS"),
        pytest.param("INFO", "", "", "", 200, "", id="empty INFO"),
        pytest.param("INFO", "5", "application/dtmf", "", 200, "", id="bare key"),
        pytest.param(
            "INFO", "hello", "text/plain", "", 415, "Accept: .*application/dtmf", id="strange INFO"
        ),
        pytest.param(
            "SUBSCRIBE",
            "",
            "",
            "Event: conference\nExpires: 60",
            489,
            "Allow-Events",
            id="SUBSCRIBE",
        ),
        pytest.param("PIROUETTE", "", "", "", 405, r"Allow: .*INVITE", id="unknown method"),
    ],
)
async def test_it_is_answered_and_the_call_goes_on(
    edge: Edge, method: str, body: str, kind: str, headers: str, status: int, says: str
) -> None:
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request(method, 2, body=body, kind=kind, headers=headers))
        answer = await caller.answer(2)
        assert answer.startswith(f"SIP/2.0 {status} "), answer
        assert re.search(f"^{says}", answer, re.M), answer
        await both_hear(caller, line)
        await caller.hang_up()
        await line.wait_for(LegEnded)
