"""MCP servers as sessions name them: a real one, well and badly behaved."""

from __future__ import annotations

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
