"""MCP servers as sessions name them: a real one, well and badly behaved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import Live, live

from trunkline.model.mcp import client as mcp_client

pytestmark = pytest.mark.peers


async def with_tools(session: Live, url: str, approval: str) -> dict[str, Any]:
    server = {"type": "mcp", "server_label": "lib", "server_url": url, "require_approval": approval}
    await session.update(tools=[server])
    done = await session.until("mcp_list_tools.completed")
    listed = [one for one in session.seen if one["type"] == "conversation.item.done"]
    assert done["item_id"] == listed[-1]["item"]["id"]
    item: dict[str, Any] = listed[-1]["item"]
    return item


async def ask(session: Live, text: str) -> None:
    await session.say(text)
    await session.send("response.create")
    await session.until("response.done")


def done_items(session: Live, kind: str) -> list[dict[str, Any]]:
    events = [one for one in session.seen if one["type"] == "conversation.item.done"]
    return [one["item"] for one in events if one["item"]["type"] == kind]


async def test_tools_are_listed_called_and_spoken_of_without_approval(
    running: RunningServer, library: str
) -> None:
    async with live(running) as session:
        listed = await with_tools(session, library, "never")
        assert {"renew", "never"} <= {tool["name"] for tool in listed["tools"]}
        await ask(session, "call renew")
        (call,) = done_items(session, "mcp_call")
        assert (call["name"], call["output"]) == ("renew", "renewed 7")
        continued = await session.until("response.done")
        assert continued["response"]["status"] == "completed"


@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_call_waits_for_approval_and_runs_only_with_it(
    running: RunningServer, library: str, is_approved: bool
) -> None:
    async with live(running) as session:
        await with_tools(session, library, "always")
        await ask(session, "call renew")
        (request,) = done_items(session, "mcp_approval_request")
        assert not done_items(session, "mcp_call")
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": request["id"],
            "approve": is_approved,
        }
        await session.send("conversation.item.create", item=answer)
        await session.until("response.done")
        calls = done_items(session, "mcp_call")
        assert [call["output"] for call in calls] == (["renewed 7"] if is_approved else [])


@pytest.mark.parametrize("tool", ["never", "huge", "dies", "lies"])
async def test_a_bad_tool_costs_its_call_and_never_the_session(
    running: RunningServer, library: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_client, "CALL_TIMEOUT_S", 2.0)
    async with live(running) as session:
        await with_tools(session, library, "never")
        await ask(session, f"call {tool}")
        (call,) = done_items(session, "mcp_call")
        assert call.get("output") is None
        assert call["error"]["message"]
        await session.say("enough")
        assert await session.answers()


async def test_servers_that_lie_in_their_listing_cost_it_and_never_the_session(
    running: RunningServer, liars: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_client, "LIST_TIMEOUT_S", 3.0)
    useless = ["none", "text", "shapeless", "schemaless", "huge-schema", "many", "huge"]
    useless += ["wrong-schema", "hangs", "not-json", "teapot", "wrong-id"]
    odd = ["twins", "odd-names", "deep", "endless"]
    labels = {name: f"s_{number}" for number, name in enumerate((*useless, *odd))}
    tools = [
        {"type": "mcp", "server_label": label, "server_url": f"{liars}/{name}"}
        for name, label in labels.items()
    ]
    async with live(running) as session:
        await session.update(tools=tools)
        async with asyncio.timeout(20):
            while len(done_items(session, "mcp_list_tools")) < len(tools):
                await session.next()
        listed = {item["server_label"]: item for item in done_items(session, "mcp_list_tools")}
        for name in useless:
            item = listed[labels[name]]
            assert item["error"] and not item["tools"], (name, item)
        for name in odd:
            item = listed[labels[name]]
            assert item["tools"] and not item.get("error"), (name, item)
        await session.say("still there")
        await session.send("response.create")
        assert (await session.until("response.done"))["response"]["status"] == "completed"
        await session.update(tools=[])
        assert await session.answers()


async def test_an_out_of_band_response_calls_and_speaks_of_it_but_asks_nobody(
    running: RunningServer, library: str
) -> None:
    part = {"type": "input_text", "text": "call renew"}
    message = {"type": "message", "role": "user", "content": [part]}
    for approval, said in (("never", "You said: renewed 7"), ("always", "needs an approval")):
        async with live(running) as session:
            await with_tools(session, library, approval)
            begin = len(session.seen)
            fields = {"conversation": "none", "input": [message]}
            await session.send("response.create", response=fields)
            response = (await session.until("response.done"))["response"]
            assert response["status"] == "completed"
            call, answer = response["output"]
            assert (call["type"], answer["type"]) == ("mcp_call", "message")
            assert said in answer["content"][0]["text"]
            assert (call.get("error") is None) == (approval == "never")
            about = [one["type"] for one in session.seen[begin:]]
            assert not [kind for kind in about if kind.startswith("conversation.")]
            assert await session.answers()
