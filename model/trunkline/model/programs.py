"""Programs that take part in a call's session: found by the call's id, one at a time.

The edge that carries a call opens the session and says that a program may attach; the program then
connects with ``call_id`` and is the session's second client. It says what the agent is
(instructions, tools), answers function calls and is told everything but the audio. The floor stays
the edge's: what it wants said, or not said any more, is handed to the edge (ADR 0031).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

from trunkline.domain.errors import Conflict, EngineError, NotFound, ProtocolError
from trunkline.domain.events import Json
from trunkline.model.outbox import Outbox
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import Item
from trunkline.realtime.protocol import ServerProtocol, error_event
from trunkline.realtime.session import Session

OF_THE_PROGRAM: Final = (
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "parallel_tool_calls",
    "reasoning",
)
"""Of the session: the program's while one is attached, the edge's otherwise."""
_TAKEN: Final = frozenset({*OF_THE_PROGRAM, "type", "tracing"})
_OURS: Final = ("trunkline.",)
LEFT: Final = (1000, "The call has gone on without the program.")
OVER: Final = (1000, "The call's session is over.")


class Host(Protocol):
    """The session that a program is attached to; ``model.connection.Connection`` is one."""

    session: Session

    async def take_from_program(self, event: ce.ClientEvent) -> None:
        """ProtocolError or EngineError when it is refused, which changes nothing."""
        ...

    def tell_edge(self, event: ev.ServerEvent) -> None: ...

    def item(self, item_id: str) -> Item:
        """Without its audio; ProtocolError when there is none."""
        ...


class Programs:
    """Sessions that wait for a program, or have one, by the ids of their calls."""

    def __init__(self) -> None:
        self._doors: dict[str, ProgramDoor] = {}

    def open(self, call_id: str, door: ProgramDoor) -> None:
        """ProtocolError when another session has that call."""
        if self._doors.setdefault(call_id, door) is not door:
            raise ProtocolError(
                "Another session is open for this call.", code="call_taken", param="call_id"
            )

    def close(self, call_id: str, door: ProgramDoor) -> None:
        if self._doors.get(call_id) is door:
            del self._doors[call_id]

    def door(self, call_id: str) -> ProgramDoor:
        """NotFound when no call of that id waits for a program."""
        door = self._doors.get(call_id)
        if door is None:
            raise NotFound("No call of this id is open to a program now.", code="call_not_found")
        return door


class ProgramDoor:
    """One session's: whether a program may come in, and the one that is there.

    ``left`` is told when one that had introduced itself is gone.
    """

    def __init__(self, programs: Programs, host: Host, left: Callable[[], None]) -> None:
        self._programs = programs
        self._host = host
        self._left = left
        self._call_id = ""
        self.program: AttachedProgram | None = None

    def open(self, call_id: str) -> None:
        if self._call_id and call_id != self._call_id:
            raise ProtocolError(
                "This session is open for another call.", code="invalid_value", param="call_id"
            )
        self._programs.open(call_id, self)
        self._call_id = call_id

    def close(self) -> None:
        """Nobody comes in any more; who is there is sent away."""
        self._programs.close(self._call_id, self)
        self._call_id = ""
        if self.program is not None:
            self.program.outbox.close(*LEFT)
            self.detach(self.program)

    def shut(self) -> None:
        """The session itself is over: there is nobody left to be told."""
        self._programs.close(self._call_id, self)
        if self.program is not None:
            self.program.outbox.close(*OVER)
            self.program = None

    def attach(self) -> AttachedProgram:
        """Conflict when a program is there."""
        if self.program is not None:
            raise Conflict("A program is attached to this call.", code="call_taken")
        self.program = AttachedProgram(self._host)
        return self.program

    def detach(self, program: AttachedProgram) -> None:
        """It is gone, or sent away; a second time changes nothing."""
        if self.program is program:
            self.program = None
            if program.has_introduced_itself:
                self._left()

    def see(self, event: ev.ServerEvent) -> None:
        if self.program is not None:
            self.program.see(event)


class AttachedProgram:
    """A shell feeds ``receive`` and empties ``outbox``, as for any other client."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._protocol = ServerProtocol()
        self.outbox = Outbox()
        self.has_introduced_itself = False

    def start(self) -> None:
        self._write(ev.SessionCreated(session=self._document()))

    def see(self, event: ev.ServerEvent) -> None:
        """An event of the session: audio stays at the edge, and what the edge did wrong too."""
        match event:
            case ev.ResponseAudioDelta() | ev.ErrorEvent() | ev.ItemRetrieved():
                return
            case ev.SessionCreated() | ev.SessionUpdated():
                self._write(ev.SessionUpdated(session=self._document()))
            case _ if event.type.startswith(_OURS):
                return
            case _:
                self._write(event)

    def _document(self) -> dict[str, Json]:
        """The session as it behaves for a program: the edge answers turns, and interrupts."""
        document = self._host.session.document()
        heard = cast(dict[str, Json], cast(dict[str, Json], document["audio"])["input"])
        detection = heard.get("turn_detection")
        if isinstance(detection, dict):
            heard["turn_detection"] = {
                **detection,
                "create_response": True,
                "interrupt_response": True,
            }
        return document

    def _write(self, event: ev.ServerEvent) -> None:
        frame = self._protocol.write(event)
        if frame is not None:
            self.outbox.put(frame)

    # ---- its events ----------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """One text frame; never raises for what the program did."""
        try:
            event = self._protocol.receive(frame)
        except ProtocolError as exc:
            self._write(error_event(exc))
            return
        try:
            await self._take(event)
        except ProtocolError as exc:
            exc.event_id = exc.event_id or event.event_id
            self._write(error_event(exc))
        except EngineError as exc:
            answer = ProtocolError(exc.message, code=exc.code, event_id=event.event_id)
            self._write(error_event(answer, kind="server_error"))

    def receive_binary(self) -> None:
        self._write(error_event(self._protocol.receive_binary()))

    async def _take(self, event: ce.ClientEvent) -> None:
        match event:
            case ce.SessionUpdate(session=update):
                await self._host.take_from_program(ce.SessionUpdate(session=_own_part(update)))
                if not self.has_introduced_itself:
                    self.has_introduced_itself = True
                    self._host.tell_edge(ev.ProgramAttached())
            case ce.ItemRetrieve(item_id=item_id):
                self._write(ev.ItemRetrieved(item=self._host.item(item_id)))
            case ce.ItemCreate() | ce.ItemDelete():
                await self._host.take_from_program(event)
            case ce.ResponseCreate():
                # Of the default conversation it becomes the edge's next one, params included.
                await self._host.take_from_program(event)
            case ce.ResponseCancel(response_id=response_id):
                self._host.tell_edge(ev.ProgramWantsSilence(response_id=response_id))
            case ce.OutputAudioClear():
                self._host.tell_edge(ev.ProgramWantsSilence())
            case _:
                raise ProtocolError(
                    f"'{event.type}' is not for a program that is attached to a call: the call's "
                    "edge hears, plays and cuts its audio.",
                    code="invalid_value",
                    param="type",
                )


def _own_part(update: Mapping[str, Json]) -> dict[str, Json]:
    """What a program may set; clients repeat the whole session, and the rest is the edge's."""
    if not isinstance(update, Mapping):
        raise ProtocolError("session must be an object.", code="invalid_type", param="session")
    modalities = update.get("output_modalities")
    if modalities is not None and modalities != ["audio"]:
        raise ProtocolError(
            "A call is spoken: output_modalities must be ['audio'].",
            code="invalid_value",
            param="session.output_modalities",
        )
    return {key: value for key, value in update.items() if key in _TAKEN}
