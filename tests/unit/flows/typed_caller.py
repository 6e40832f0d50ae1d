"""A caller who types: the flow runner and the embedded planner, joined as a call joins them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import count

import orjson
from tests.unit.flows.conversation import NOON, Conversation

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import (
    AskEngine,
    EngineCalled,
    EngineSpoke,
    FlowAction,
    FlowEvent,
    HangUp,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    Say,
    ToolFinished,
    Transfer,
    TransferFinished,
)
from trunkline.flows.flow import Flow
from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.planner import Planner
from trunkline.model.engine import HistoryItem, ItemRole

Service = Callable[[str, dict[str, Json]], tuple[ToolOutcome, Json]]


class TypedCaller:
    """``says`` gives back all that the agent said until it was the caller's turn again."""

    def __init__(self, flow: Flow, service: Service) -> None:
        self.call = Conversation(flow)
        self._service = service
        self._history: list[HistoryItem] = []
        self._heard: list[str] = []
        self._ids = count(1)
        self._today: date = NOON.date()

    def dials(self) -> str:
        self.call.answer()
        self._perform()
        return self._take()

    def says(self, text: str) -> str:
        assert not self.call.runner.is_over, "the call is over"
        self._add(ItemRole.USER, text, confidence=1.0)
        self._engine()
        return self._take()

    def presses(self, digits: str) -> str:
        self.call.caller_presses(digits)
        self._perform()
        return self._take()

    def _take(self) -> str:
        heard, self._heard = " ".join(self._heard), []
        return heard

    def _add(self, role: ItemRole, text: str = "", **more: object) -> None:
        item = HistoryItem(f"item_{next(self._ids)}", role, text, **more)  # type: ignore[arg-type]
        self._history.append(item)

    def _engine(self) -> None:
        """One response.create."""
        planner = Planner(self.call.configured.tools, self._today)
        move = planner.plan(self._history, "auto").move
        if isinstance(move, Speak):
            self._hear(move.text)
            self._feed(EngineSpoke(move.text))
        elif isinstance(move, CallTool):
            call_id, arguments = f"call_{next(self._ids)}", dict(move.arguments)
            self._add(
                ItemRole.FUNCTION_CALL,
                name=move.name,
                call_id=call_id,
                arguments=orjson.dumps(arguments).decode(),
            )
            self._feed(EngineCalled(call_id, move.name, arguments))

    def _feed(self, event: FlowEvent) -> None:
        self.call.feed(event)
        self._perform()

    def _hear(self, text: str) -> None:
        self._heard.append(text)
        self._add(ItemRole.ASSISTANT, text)

    def _perform(self) -> None:
        actions: list[FlowAction] = list(self.call.last)
        assert isinstance(actions[-1], ListenForCaller | HangUp | Transfer)
        for action in actions:
            match action:
                case Say():
                    self._hear(action.text)
                case ReplyToEngine():
                    output = orjson.dumps(action.output).decode()
                    self._add(ItemRole.FUNCTION_OUTPUT, output, call_id=action.call_id)
                case AskEngine():
                    self._engine()
                case RunTool():
                    outcome, result = self._service(action.tool, dict(action.arguments))
                    self._feed(ToolFinished(action.run_id, outcome, result))
                case ParkTool():
                    self._feed(ToolFinished(action.run_id, ToolOutcome.PARKED, {}))
                case Transfer():
                    self._feed(TransferFinished(is_connected=False, sip_status=480))
                case _:
                    pass
