"""Offered tools with the embedded planner, and with functions that carry none of our notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.test_offered_tools import SHOP
from tests.unit.flows.typed_caller import TypedCaller

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import Configure, FlowAction, HangUp, ReplyToEngine
from trunkline.model.plain_tools import plain_realtime_tools

FLOW = flow_of(SHOP.replace("    while_running: One moment.\n", ""))


class PlainCaller(TypedCaller):
    """The engine sees the functions as a plain Realtime endpoint does."""

    def _perform(self) -> None:
        self.call.log = [_plain(action) for action in self.call.log]
        super()._perform()


def _plain(action: FlowAction) -> FlowAction:
    if not isinstance(action, Configure):
        return action
    assert "x-trunkline" not in str(plain_realtime_tools(action.tools))
    return replace(action, tools=tuple(plain_realtime_tools(action.tools)))


def caller(kind: type[TypedCaller], outcome: ToolOutcome, result: Json) -> TypedCaller:
    def service(tool: str, arguments: dict[str, Json]) -> tuple[ToolOutcome, Json]:
        assert tool == "find_order"
        assert arguments == {"order": "12345", "account": "44172908"}
        return outcome, result

    typed = kind(FLOW, service)
    typed.dials()
    return typed


def outputs(typed: TypedCaller) -> Mapping[str, Any]:
    given = [action for action in typed.call.log if isinstance(action, ReplyToEngine)]
    assert len({reply.call_id for reply in given}) == len(given)
    return {reply.call_id: reply.output for reply in given}


@pytest.mark.parametrize("kind", [TypedCaller, PlainCaller])
def test_the_planner_asks_for_what_the_tool_needs_calls_it_and_reports(
    kind: type[TypedCaller],
) -> None:
    typed = caller(kind, ToolOutcome.OK, {"state": "on its way"})
    assert "order" in typed.says("where is my order")
    assert "on its way" in typed.says("one two three four five")
    assert list(outputs(typed).values()) == [{"state": "on its way"}]


@pytest.mark.parametrize("kind", [TypedCaller, PlainCaller])
@pytest.mark.parametrize("outcome", [o for o in ToolOutcome if o is not ToolOutcome.OK])
def test_the_planner_says_that_it_did_not_work_and_goes_on(
    kind: type[TypedCaller], outcome: ToolOutcome
) -> None:
    typed = caller(kind, outcome, {"error": {"code": "http_500", "message": "It broke."}})
    typed.says("where is my order")
    said = typed.says("one two three four five")
    assert len(outputs(typed)) == 1
    if outcome is ToolOutcome.PARKED:
        assert "not done" in said
    else:
        assert said == "That did not work. It broke."
    if kind is TypedCaller:  # without examples nobody knows what a goodbye means
        assert typed.says("goodbye") == "Bye."
        assert any(isinstance(action, HangUp) for action in typed.call.log)


def test_the_planner_puts_through_and_tells_when_nobody_is_there() -> None:
    typed = caller(TypedCaller, ToolOutcome.OK, {})
    typed.says("put the caller through")
    assert "Nobody is free" in typed.says("sales")
