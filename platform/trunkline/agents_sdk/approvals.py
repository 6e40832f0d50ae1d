"""``needs_approval`` of openai-agents, answered by the people of an installation's inbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from agents import FunctionTool, RunContextWrapper
from agents.realtime import RealtimeSession, RealtimeToolApprovalRequired

from trunkline.agents_sdk.house import Approval, House, HouseError

log = logging.getLogger(__name__)

NOT_DONE: Final = "not_done"
_SDK_FAILED: Final = "An error occurred while running the tool"


class NotDone(Exception):
    """Raised by a tool that surely had no effect; its text is what the model is told."""


def tool_failed(_: RunContextWrapper[Any], error: Exception) -> str:
    """For ``@function_tool(failure_error_function=tool_failed)``: whether it may have happened.

    Anything but NotDone leaves the approval ``unknown``, for a person to find out.
    """
    if isinstance(error, NotDone):
        return json.dumps({"error": {"code": NOT_DONE, "message": str(error)}})
    message = "It is not certain whether that was done. A colleague will look into it."
    return json.dumps({"error": {"code": "unknown", "message": message}})


@dataclass(frozen=True, slots=True)
class AskFor:
    """How people are asked about one tool.

    ``question``: makes the ask in one sentence of the arguments. ``policy``: as ``policy`` of
    ``POST /api/v1/calls/{id}/approvals`` (levels, limits, expiry). The lines are said by the house.
    """

    question: Callable[[Mapping[str, Any]], str] | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    worst_case_s: float = 30.0
    holding_line: str = (
        "A colleague has to approve that first. Nothing has been done yet. Please stay on the line."
    )
    not_yet_line: str = "Not yet. My colleague is still looking at it."
    refused: str = "My colleague did not approve it. Nothing has been done."
    expired: str = "Nobody could look at it in time. Nothing has been done."
    failed: str = "I'm sorry, nobody can be asked about that right now. Nothing has been done."


@dataclass(slots=True)
class _Begun:
    approval: Approval
    lease: str


class Clerk:
    """The questions of one session: asked, decided, done once, and told what became of them."""

    def __init__(
        self,
        house: House,
        call_id: str,
        session: RealtimeSession,
        how: Mapping[str, AskFor],
    ) -> None:
        self._house = house
        self._call_id = call_id
        self._session = session
        self._how = how
        self._open: dict[str, Approval] = {}
        self._begun: dict[str, _Begun] = {}

    async def decide(self, event: RealtimeToolApprovalRequired) -> None:
        """Ask, wait, and approve or reject; never raises for what the house or a person does."""
        how = self._how.get(event.tool.name) or AskFor()
        try:
            approval = await self._ask(event, how)
            self._open[event.call_id] = approval
            approval = await self._house.decided(approval)
            self._open.pop(event.call_id, None)
            if approval.state != "granted":
                line = how.expired if approval.state == "expired" else how.refused
                await self._reject(event, line)
                return
            lease = await self._house.begin(approval)
        except (HouseError, ValueError) as exc:
            log.warning("a tool could not be approved: %s", exc)
            await self._reject(event, how.failed)
            return
        self._begun[event.call_id] = _Begun(approval, lease)
        await self._session.approve_tool_call(event.call_id)

    async def _ask(self, event: RealtimeToolApprovalRequired, how: AskFor) -> Approval:
        """ValueError when the model's arguments are none."""
        arguments = json.loads(event.arguments or "{}")
        if not isinstance(arguments, dict):
            raise ValueError("the arguments are no object")
        tool = event.tool
        description = tool.description if isinstance(tool, FunctionTool) else ""
        question = how.question(arguments) if how.question else _question(tool.name, arguments)
        return await self._house.ask(
            self._call_id,
            {
                "function_call_id": event.call_id,
                "tool": tool.name,
                "arguments": arguments,
                "question": question[:1000],
                "description": description[:4000],
                "policy": dict(how.policy),
                "step": event.agent.name[:128],
                "worst_case_s": how.worst_case_s,
                "holding_line": how.holding_line,
                "not_yet_line": how.not_yet_line,
            },
        )

    async def _reject(self, event: RealtimeToolApprovalRequired, line: str) -> None:
        await self._session.reject_tool_call(event.call_id, rejection_message=line)

    async def saw(self, item: Any) -> None:
        """An item of the session's history; once an approved tool has come back, the house is told
        what it did, before anything else is looked at."""
        if item.type != "function_call" or item.output is None:
            return
        begun = self._begun.pop(item.call_id, None)
        if begun is None:
            return
        outcome, result = _outcome(item.output)
        try:
            await self._house.finish(begun.approval, begun.lease, outcome, result)
        except HouseError as exc:
            # Its lease runs out, and a person finds out what was done.
            log.warning("what became of an approved tool could not be told: %s", exc)

    async def close(self) -> None:
        """The session is over: what nobody decided is taken back, what was begun is unknown."""
        for approval in self._open.values():
            with suppress(HouseError):
                await self._house.withdraw(approval)
        self._open.clear()
        for begun in self._begun.values():
            with suppress(HouseError):
                await self._house.finish(
                    begun.approval, begun.lease, "unknown", "the call ended while it was being done"
                )
        self._begun.clear()


def _question(tool: str, arguments: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    return f"May {tool.replace('_', ' ')} be done? {told}".strip()


def _outcome(output: str) -> tuple[str, Any]:
    try:
        value = json.loads(output)
    except ValueError:
        value = output
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        is_sure = error.get("code") == NOT_DONE
        return ("failed" if is_sure else "unknown"), str(error.get("message", ""))
    if isinstance(value, str) and value.startswith(_SDK_FAILED):
        return "unknown", "the tool raised"
    return "done", value
