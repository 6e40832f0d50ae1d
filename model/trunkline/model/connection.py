"""One Realtime connection: client events in, the conversation and the engine moved, events out.

Knows no WebSocket: a shell feeds ``receive`` and empties ``outbox``. A rejected event has no effect
at all and is answered by one ``error`` event that names it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pybase64

from trunkline.domain.errors import EngineError, ProtocolError
from trunkline.domain.events import Json
from trunkline.model.answering import Answering
from trunkline.model.approvals import approved_call
from trunkline.model.client_items import taken_audio
from trunkline.model.conversation import Conversation, Entry
from trunkline.model.engine import Engine, EngineConfig, EngineSession, Foreseen
from trunkline.model.engine_config import engine_config
from trunkline.model.hearing import Hearing
from trunkline.model.mcp.client import McpClient
from trunkline.model.mcp.desk import McpDesk
from trunkline.model.opening import SESSION_LIMIT_S
from trunkline.model.outbox import Outbox
from trunkline.model.programs import OF_THE_PROGRAM, ProgramDoor, Programs
from trunkline.model.response import ApprovedCall
from trunkline.model.served_fields import refuse_unserved
from trunkline.model.tracing import SessionTrace
from trunkline.model.usage import SessionMeter
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import (
    FunctionCallOutputItem,
    InputAudioPart,
    Item,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
)
from trunkline.realtime.mcp_items import McpApprovalResponseItem
from trunkline.realtime.protocol import ServerProtocol, error_event
from trunkline.realtime.session import Session
from trunkline.realtime.session_update import refuse_prompt, updated
from trunkline.runtime.logging import get_logger
from trunkline.runtime.reach import Reach

log = get_logger(__name__)

CONFIGURE_TIMEOUT_S: Final = 5.0
PROGRAM_LEFT: Final = (
    '{"error": {"code": "program_left", "message": "whoever does this has left the call; '
    'what became of it is not known"}}'
)


class Connection:
    """``start`` comes first; its tasks live in the shell's group, which ends them with the session.
    Who opened the engine session closes it."""

    def __init__(
        self,
        session: Session,
        engine: Engine,
        engine_session: EngineSession,
        tasks: asyncio.TaskGroup,
        *,
        limit_s: float = SESSION_LIMIT_S,
        meter: SessionMeter | None = None,
        protocol: ServerProtocol | None = None,
        mcp: McpClient | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.session = session
        self.door = ProgramDoor(programs or Programs(), self, self._program_left)
        document = session.document()  # a transcription session's has none of it
        self._edge_part: dict[str, Json] = {
            key: document[key] for key in OF_THE_PROGRAM if key in document
        }
        self._updating = asyncio.Lock()
        self._wanted: ce.ResponseParams | None = None  # by the program, for the next response
        self.outbox = Outbox()
        self._engine_session = engine_session
        self._tasks = tasks
        self._limit_s = limit_s
        self._meter = meter
        self._trace = SessionTrace()
        self._trace.configure(session)
        self._capabilities = engine.capabilities
        self._protocol = protocol or ServerProtocol()
        self._conversation = Conversation(sees_images=engine.capabilities.vision)
        self._hearing = Hearing(
            session,
            self._conversation,
            engine_session,
            engine.capabilities.input_rate_hz,
            self.emit,
            on_started=self._speech_started,
            on_committed=self._turn_committed,
            is_agent_heard=self._is_agent_heard,
            foresees=engine.capabilities.foresees,
            on_foreseen=self._turn_foreseen,
            on_went_on=lambda: self._answering.rehearsals.throw_away(),
        )
        self._desk = McpDesk(
            mcp or McpClient(Reach()), self._conversation, self.emit, tasks, self._listed
        )
        self._answering = Answering(
            self._conversation,
            engine_session,
            engine.capabilities.output_rate_hz,
            self._hearing,
            self.outbox,
            self.emit,
            tasks,
            self._desk,
            lambda: self.session,
        )

    def start(self) -> None:
        """Greet, and begin to listen to the engine and to the clock."""
        conversation = ev.ConversationInfo(id=self._conversation.conversation_id)
        self.emit(
            [
                ev.SessionCreated(session=self.session.document()),
                ev.ConversationCreated(conversation=conversation),
            ]
        )
        self._tasks.create_task(self._listen_to_engine(), name="transcriptions")
        self._tasks.create_task(self._expire(), name="session limit")
        self._desk.sync(self.session.tools)

    def emit(self, events: list[ev.ServerEvent]) -> None:
        for event in events:
            told = event if self._meter is None else self._meter.saw(event)
            self._trace.saw(told)
            self.door.see(told)
            frame = self._protocol.write(told)
            if frame is not None:
                self.outbox.put(frame)

    def tell_edge(self, event: ev.ServerEvent) -> None:
        self.emit([event])

    # ---- client events -------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """One text frame from the client; never raises for what the client did."""
        try:
            event = self._protocol.receive(frame)
        except ProtocolError as exc:
            self.emit([error_event(exc)])
            return
        try:
            await self._take(event)
        except ProtocolError as exc:
            exc.event_id = exc.event_id or event.event_id
            self.emit([error_event(exc)])
        except EngineError as exc:
            answer = ProtocolError(exc.message, code=exc.code, event_id=event.event_id)
            self.emit([error_event(answer, kind="server_error")])

    def receive_binary(self) -> None:
        self.emit([error_event(self._protocol.receive_binary())])

    async def _take(self, event: ce.ClientEvent) -> None:
        match event:
            case ce.InputAudioAppend(audio=audio):
                await self._hearing.append(audio)
            case ce.SessionUpdate(session=update):
                await self._update(self._without_program_part(update))
            case ce.InputAudioCommit():
                self._hearing.commit()
            case ce.InputAudioClear():
                self._hearing.clear()
            case ce.OutputAudioClear():
                raise ProtocolError(
                    "output_audio_buffer.clear is only for WebRTC and SIP sessions.",
                    code="invalid_value",
                    param="type",
                )
            case ce.ItemCreate(item=item, previous_item_id=place):
                self._create_item(item, place)
            case ce.ItemRetrieve(item_id=item_id):
                entry = self._conversation.retrieve(item_id)
                self.emit([ev.ItemRetrieved(item=_with_audio(entry))])
            case ce.ItemDelete(item_id=item_id):
                self._conversation.delete(item_id)
                self._hearing.forget(item_id)
                self.emit([ev.ItemDeleted(item_id=item_id)])
            case ce.ItemTruncate(item_id=item_id, content_index=index, audio_end_ms=end_ms):
                self._conversation.truncate(item_id, index, end_ms)
                self.emit(
                    [ev.ItemTruncated(item_id=item_id, content_index=index, audio_end_ms=end_ms)]
                )
            case ce.ResponseCreate(response=params):
                wanted, self._wanted = self._wanted, None
                self._create_response(params or wanted or ce.ResponseParams())
            case ce.ResponseCancel(response_id=response_id):
                self._answering.cancel(response_id)
            case ce.ProgramOpen(call_id=call_id):
                self.door.open(call_id)
            case ce.ProgramClose():
                self.door.close()

    # ---- a program that takes part (model.programs) --------------------------------------------

    async def take_from_program(self, event: ce.ClientEvent) -> None:
        """An event of the attached program's; a response is asked for by the edge."""
        match event:
            case ce.SessionUpdate(session=update):
                await self._update(update)
            case ce.ResponseCreate(response=params) if not _is_beside(params):
                self._wanted = params
                self.emit([ev.ProgramWantsResponse()])
            case _:
                await self._take(event)

    def item(self, item_id: str) -> Item:
        return self._conversation.retrieve(item_id).item

    def _without_program_part(self, update: dict[str, Json]) -> dict[str, Json]:
        """The edge's update, less what an attached program says; kept for when it has left."""
        for key in OF_THE_PROGRAM:
            if key in update:
                self._edge_part[key] = update[key]
        if self.door.program is None:
            return update
        return {key: value for key, value in update.items() if key not in OF_THE_PROGRAM}

    def _program_left(self) -> None:
        self._wanted = None
        for call_id in self._conversation.unanswered_calls():
            output = FunctionCallOutputItem(call_id=call_id, output=PROGRAM_LEFT)
            self._create_item(output, None)
        self.emit([ev.ProgramLeft()])
        self._tasks.create_task(self._take_back(), name="program left")

    async def _take_back(self) -> None:
        try:
            await self._update({"type": "realtime", **self._edge_part})
        except (ProtocolError, EngineError) as exc:
            log.warning("the edge's session did not come back", code=exc.code)

    def _create_item(self, item: Item, place: str | None) -> None:
        call: ApprovedCall | None = None
        if isinstance(item, McpApprovalResponseItem):
            call = approved_call(item, self._conversation, self.session.tools)
        item, payload = taken_audio(item)
        if payload:
            self._hearing.require_room(payload)
        entry, previous = self._conversation.create(item, place)
        self.emit(
            [
                ev.ItemAdded(item=entry.item, previous_item_id=previous),
                ev.ItemDone(item=entry.item, previous_item_id=previous),
            ]
        )
        if payload:
            self._hearing.hear_item(entry, payload)
        if call is not None:
            self._answering.approve(call)
        if isinstance(item, McpApprovalResponseItem):
            self._answering.continue_soon()

    def _create_response(self, params: ce.ResponseParams) -> None:
        if self.session.is_transcription:
            raise ProtocolError(
                "A transcription session creates no responses.",
                code="invalid_value",
                param="type",
            )
        refuse_prompt(params.prompt, "response.prompt")
        self._require_tokens()
        self._answering.create(self.session, params)

    async def _update(self, update: dict[str, Json]) -> None:
        async with self._updating:  # an edge and its program may both be at it
            await self._update_alone(update)

    async def _update_alone(self, update: dict[str, Json]) -> None:
        new = updated(
            self.session,
            update,
            has_spoken=self._conversation.has_spoken,
            is_responding=self._answering.is_active,
        )
        refuse_unserved(new, self._capabilities)
        self._desk.require_room(new.tools)
        try:
            async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                await self._engine_session.configure(self._engine_config(new))
        except TimeoutError:
            raise EngineError(
                "The engine did not take the new session in time.", code="engine_timeout"
            ) from None
        self._hearing.configure(new)
        self._trace.configure(new)
        self.session = new
        self.emit([ev.SessionUpdated(session=new.document())])
        self._desk.keep(new.tools)
        self._desk.sync(new.tools)

    def _engine_config(self, session: Session) -> EngineConfig:
        """What the engine may expect to be said, the tools of MCP servers included."""
        return replace(engine_config(session), tools=self._desk.offer(session.tools, "auto").tools)

    def _listed(self) -> None:
        self._tasks.create_task(self._reconfigure(), name="tools listed")

    async def _reconfigure(self) -> None:
        try:
            async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                await self._engine_session.configure(self._engine_config(self.session))
        except (TimeoutError, EngineError):
            log.warning("the engine did not take the listed tools", session_id=self.session.id)

    # ---- turn detection ------------------------------------------------------------------------

    def _is_agent_heard(self) -> bool:
        return self._answering.is_heard()

    def _speech_started(self) -> None:
        detection = self.session.audio.input.turn_detection
        if detection is not None and detection.interrupt_response:
            self._answering.interrupt()

    def _turn_committed(self) -> None:
        detection = self.session.audio.input.turn_detection
        if detection is None or not detection.create_response or self._answering.is_active:
            return  # never two responses of the default conversation at once
        if self.session.is_transcription:
            return
        try:
            self._require_tokens()
            self._answering.create(self.session, ce.ResponseParams())
        except ProtocolError as exc:
            self.emit([error_event(exc)])

    def _turn_foreseen(self, foreseen: Foreseen, audio_ms: float) -> None:
        """The caller may be done: what would be answered is made while that becomes certain."""
        if self._capabilities.rehearses and not self.session.is_transcription:
            self._answering.rehearse(self.session, foreseen, audio_ms)

    def _require_tokens(self) -> None:
        if self._meter is not None:
            self._meter.require_tokens()

    # ---- beside the client ---------------------------------------------------------------------

    async def _listen_to_engine(self) -> None:
        try:
            async for event in self._engine_session.events():
                self._hearing.engine_said(event)
        except EngineError as exc:
            log.warning("the engine session ended", session_id=self.session.id, code=exc.code)
            answer = ProtocolError(exc.message, code=exc.code)
            self.emit([error_event(answer, kind="server_error")])
            self.outbox.close(1011, "The engine failed.")

    async def _expire(self) -> None:
        await asyncio.sleep(self._limit_s)
        minutes = int(self._limit_s // 60)
        reason = f"Your session hit the maximum duration of {minutes} minutes."
        self.emit([error_event(ProtocolError(reason, code="session_expired"))])
        self.outbox.close(1001, reason)


def _is_beside(params: ce.ResponseParams | None) -> bool:
    return params is not None and params.conversation == "none"


def _with_audio(entry: Entry) -> Item:
    """The item in full: its audio while it is kept, its transcript so far while it is spoken."""
    item = entry.item
    if not isinstance(item, MessageItem):
        return item
    if not item.content and entry.transcript:
        running: OutputAudioPart | OutputTextPart = (
            OutputAudioPart(transcript=entry.transcript)
            if entry.audio_ms
            else OutputTextPart(text=entry.transcript)
        )
        item = item.model_copy(update={"content": (running,)})
    if not entry.payload or not item.content:
        return item
    audio = pybase64.b64encode(entry.payload).decode()
    content = tuple(
        part.model_copy(update={"audio": audio})
        if isinstance(part, InputAudioPart | OutputAudioPart)
        else part
        for part in item.content
    )
    return item.model_copy(update={"content": content})
