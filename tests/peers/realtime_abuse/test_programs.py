"""A program at a call's session over a real socket: who gets in, and what becomes of both."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import websockets
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import Live, live

pytestmark = pytest.mark.peers
CALL = "call_of_this_test"


def attached(
    running: RunningServer, key: str = "program", call_id: str = CALL
) -> AbstractAsyncContextManager[Live]:
    return live(running, f"call_id={call_id}", key)


async def refused(running: RunningServer, key: str = "program", call_id: str = CALL) -> int:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with attached(running, key, call_id):
            pass
    assert json.loads(caught.value.response.body or b"")["error"]["message"]
    return caught.value.response.status_code


async def opened(edge: Live, call_id: str = CALL) -> None:
    """The edge's session is open for a program: what comes after is answered after it."""
    await edge.send("trunkline.program.open", call_id=call_id)
    await edge.send("session.update", session={"type": "realtime", "tools": []})
    await edge.until("session.updated")


async def test_only_a_program_with_the_scopes_gets_into_a_call_that_is_open(
    running: RunningServer,
) -> None:
    assert await refused(running) == 404
    async with live(running) as edge:
        await opened(edge)
        assert await refused(running, "good") == 403
        assert await refused(running, "nobody") == 401
        assert await refused(running, call_id="call_other") == 404
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            minted = await client.post(
                f"{running.base_url}/realtime/client_secrets",
                headers={"Authorization": "Bearer program"},
                json={"session": {"type": "realtime"}},
            )
        assert await refused(running, minted.json()["value"]) == 403
        async with live(running) as other:
            await other.send("trunkline.program.open", call_id=CALL)
            assert (await other.until("error"))["error"]["code"] == "call_taken"
        async with attached(running) as program:
            assert (await program.next())["type"] == "session.created"
            assert await refused(running) == 409
        await edge.send("trunkline.program.close")
        await opened(edge, "call_renamed")
        assert await refused(running) == 404


async def test_a_call_that_ends_or_goes_on_alone_closes_the_programs_socket_in_good_order(
    running: RunningServer,
) -> None:
    async with live(running) as edge:
        await opened(edge)
        async with attached(running) as program:
            await program.send("session.update", session={"type": "realtime", "tools": []})
            await edge.until("trunkline.program.attached")
            await program.send("not json at all")
            assert (await program.until("error"))["error"]["param"] == "type"
            await program.socket.send(b"\x00")
            await program.until("error")
            await edge.send("trunkline.program.close")
            await edge.until("trunkline.program.left")
            await asyncio.wait_for(program.socket.wait_closed(), 10)
            assert program.socket.close_code == 1000
        await opened(edge)
        async with attached(running) as program:
            await edge.socket.close()
            await asyncio.wait_for(program.socket.wait_closed(), 10)
            assert program.socket.close_code == 1000
    assert await refused(running) == 404


async def test_a_program_that_vanishes_leaves_the_edge_its_own_session(
    running: RunningServer,
) -> None:
    tool = {"type": "function", "name": "renew", "parameters": {"type": "object"}}
    async with live(running) as edge:
        await edge.send("session.update", session={"type": "realtime", "instructions": "OURS"})
        await edge.until("session.updated")
        await opened(edge)
        async with attached(running) as program:
            theirs = {
                "type": "realtime",
                "instructions": "THEIRS",
                "tools": [tool],
                "max_output_tokens": 500,
            }
            await program.send("session.update", session=theirs)
            await edge.until("trunkline.program.attached")
            await edge.say("call renew")
            await edge.send("response.create")
            called = await program.until("response.function_call_arguments.done")
            program.socket.transport.abort()
        await edge.until("trunkline.program.left")
        answered = [
            event["item"]
            for event in edge.seen
            if event["type"] == "conversation.item.added"
            and event["item"]["type"] == "function_call_output"
        ]
        assert [item["call_id"] for item in answered] == [called["call_id"]]
        assert "program_left" in answered[0]["output"]
        back = (await edge.until("session.updated"))["session"]
        assert (back["instructions"], back["tools"]) == ("OURS", [])
        assert back["max_output_tokens"] == "inf"
        await opened(edge)  # another may come
