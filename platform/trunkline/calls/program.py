"""The seat of a program that answers a call's turns: who sits in it, and what it owes the caller.

The program is attached to the call's session at the model server (model.programs). The edge keeps
the floor: it asks for responses when nobody speaks, plays and cuts them, and says house-made lines
while a function call of the program's, or a person who was asked about one, is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trunkline.flows.actions import EngineCalled, EngineFailed, EngineSpoke, ProgramPlan, Say
from trunkline.realtime.client_events import ClientEvent, ProgramClose, ProgramOpen
from trunkline.realtime.items import FunctionCallItem, FunctionCallOutputItem, Item
from trunkline.realtime.server_events import (
    ItemAdded,
    ProgramAttached,
    ProgramLeft,
    ProgramWantsResponse,
    ProgramWantsSilence,
    ResponseCreated,
    ServerEvent,
)

if TYPE_CHECKING:
    from trunkline.calls.bridge import CallClock
    from trunkline.calls.control import ProgramAsked
    from trunkline.calls.dialogue import Dialogue
    from trunkline.calls.record import CallRecord

RUNNING_LINE_MS: Final = 1200
"""A function that takes longer than this is talked over, once."""
STILL_ASKED_MS: Final = 20_000
_GONE: Final = (
    '{"error": {"code": "program_left", "message": "whoever does this has left the call; '
    'what became of it is not known"}}'
)


@dataclass(slots=True)
class _Call:
    """A function call that has no output yet. ``asked``: a person decides about it."""

    since_ms: int
    asked: ProgramAsked | None = None
    said_ms: int | None = None


class ProgramSeat:
    """Of one call; everything in here is synchronous. Without a plan it does nothing at all."""

    def __init__(
        self,
        dialogue: Dialogue,
        record: CallRecord,
        call_clock: CallClock,
        send: Callable[[ClientEvent], None],
        tell_flow: Callable[[EngineFailed], None],
    ) -> None:
        self._dialogue = dialogue
        self._record = record
        self._call_clock = call_clock
        self._send = send
        self._tell_flow = tell_flow
        self._plan: ProgramPlan | None = None
        self._absent_ms: int | None = None  # since when it is waited for
        self._calls: dict[str, _Call] = {}
        self._early: dict[str, ProgramAsked] = {}  # told before the call that they are about
        self._wants_response = False
        self._owes_answer = False
        self._newest = ""  # response
        self.is_attached = False

    # ---- the flow's wishes ---------------------------------------------------------------------

    def adopt(self, plan: ProgramPlan | None) -> None:
        """The step that listens now: a program's, or not."""
        was, self._plan = self._plan, plan
        if plan is None:
            if was is not None:
                self._send(ProgramClose())
                self._empty()
                self._absent_ms = None
            return
        if was is None:
            self._open()

    def _open(self) -> None:
        self._send(ProgramOpen(call_id=self._record.call_id))
        self._absent_ms = self._call_clock.now_ms

    def _empty(self) -> None:
        """Nobody sits there: what was asked for will not be answered."""
        for call_id in self._calls:  # the model server answers them in a session that lives on
            gone = FunctionCallOutputItem(call_id=call_id, output=_GONE)
            self._dialogue.conversation.answered(gone)
        self._calls.clear()
        self._early.clear()
        self._wants_response = self._owes_answer = False
        self.is_attached = False

    # ---- the session's life --------------------------------------------------------------------

    def session_lost(self) -> None:
        if self._plan is not None:
            self._empty()

    def session_back(self) -> None:
        """A fresh session: the program may come back to it."""
        if self._plan is not None:
            self._open()

    # ---- what the session tells ----------------------------------------------------------------

    def saw(self, event: ServerEvent) -> None:
        if self._plan is None:
            return
        match event:
            case ProgramAttached():
                self.is_attached, self._absent_ms = True, None
                self._record.note("program_attached")
                if self._owes_answer:
                    self._owes_answer, self._wants_response = False, True
                    self.tick()
            case ProgramLeft():
                self._record.note("program_left")
                self._empty()
                self._absent_ms = self._call_clock.now_ms
            case ProgramWantsResponse():
                self._wants_response = True
                self.tick()
            case ResponseCreated(response=response):
                self._wants_response = False  # it has all that was said before it
                self._newest = response.id
            case ProgramWantsSilence(response_id=response_id):
                self._hush(response_id)
            case ItemAdded(item=item) if isinstance(item, FunctionCallOutputItem):
                if self._calls.pop(item.call_id, None) is not None:
                    self._dialogue.conversation.answered(item)
            case _:
                pass

    def takes(self, event: EngineCalled | EngineSpoke | object) -> bool:
        """A function call is the program's, not the flow's, while it sits there."""
        if not (self.is_attached and isinstance(event, EngineCalled)):
            return False
        self._called(event.call_id)
        return True

    def heeds(self, items: Sequence[Item]) -> bool:
        """Whether calls of a response that was cut are acted on all the same: whole ones are."""
        if not self.is_attached:
            return False
        for item in items:
            if isinstance(item, FunctionCallItem) and item.call_id and item.status == "completed":
                self._dialogue.conversation.called(item)
                self._called(item.call_id)
        return True

    def _called(self, call_id: str) -> None:
        call = self._calls.setdefault(call_id, _Call(self._call_clock.now_ms))
        early = self._early.pop(call_id, None)
        if early is not None and call.asked is None:
            self._hold(call, early)

    def _hush(self, response_id: str | None) -> None:
        """Stop what is said; what answers it may be on its way already, and is let be."""
        if response_id is None:
            self._dialogue.cut()
        elif response_id == self._newest:
            is_running = self._dialogue.responses.running_id == response_id
            self._dialogue.cut(keeps_response=not is_running)

    # ---- a person is asked ---------------------------------------------------------------------

    def asked(self, question: ProgramAsked) -> bool:
        """The program had a person asked before it goes on; False when no program is here."""
        if not self.is_attached:
            return False
        call = self._calls.get(question.function_call_id)
        if call is None:
            self._early[question.function_call_id] = question
        elif call.asked is None:
            self._hold(call, question)
        return True

    def _hold(self, call: _Call, question: ProgramAsked) -> None:
        call.asked, call.said_ms = question, self._call_clock.now_ms
        self._say(question.holding_line)

    @property
    def is_pending(self) -> bool:
        """Something that was asked for is not done: nobody may say that it is."""
        return any(call.asked is not None for call in self._calls.values())

    # ---- the floor -----------------------------------------------------------------------------

    @property
    def keeps_waiting(self) -> bool:
        """A caller who is silent now is waiting for the program: that is no silence of theirs."""
        return bool(self._calls) or (self._plan is not None and self._absent_ms is not None)

    def answers(self) -> bool:
        """Whether the caller's turn is answered from here: later, or by what is known."""
        if self._plan is None:
            return False
        if not self.is_attached:
            self._owes_answer = True
            return True
        asked = next((call.asked for call in self._calls.values() if call.asked), None)
        if asked is not None:
            self._say(asked.not_yet_line)
            return True
        return False

    def tick(self) -> None:
        """Ten times a second, and when something has come."""
        plan, dialogue, now_ms = self._plan, self._dialogue, self._call_clock.now_ms
        if plan is None:
            return
        if self._absent_ms is not None and now_ms - self._absent_ms >= plan.within_ms:
            self._absent_ms = None
            self._record.note("program_missing")
            self._tell_flow(EngineFailed("program_missing"))
            return
        policy = dialogue.policy
        if self._wants_response and not (
            policy.caller_is_speaking or policy.awaits_words or dialogue.responses.is_due
        ):
            self._record.note("response_asked", by="program")
            dialogue.responses.ask()
        if dialogue.is_idle:
            self._keep_company(plan)

    def _keep_company(self, plan: ProgramPlan) -> None:
        now_ms = self._call_clock.now_ms
        for call in self._calls.values():
            if call.asked is not None:
                if call.said_ms is None or now_ms - call.said_ms >= STILL_ASKED_MS:
                    call.said_ms = now_ms
                    self._say(call.asked.not_yet_line)
            elif call.said_ms is None and now_ms - call.since_ms >= RUNNING_LINE_MS:
                call.said_ms = now_ms
                self._say(plan.while_running)

    def _say(self, line: str) -> None:
        if line:
            self._dialogue.say(Say("", line, is_fixed=False))
