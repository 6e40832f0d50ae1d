"""The speaking half of a session: one response of the default conversation at a time, and others
out of band beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.model.client_items import taken_audio
from trunkline.model.conversation import Conversation, Entry
from trunkline.model.engine import EngineConfig, EngineSession, Foreseen, ResponseRequest
from trunkline.model.engine_config import response_config, response_format, response_limit
from trunkline.model.formats import OutputEncoder
from trunkline.model.hearing import Hearing
from trunkline.model.mcp.desk import McpDesk
from trunkline.model.outbox import Outbox
from trunkline.model.prompt_cache import Piece, PromptCache
from trunkline.model.rehearsing import Rehearsals
from trunkline.model.response import ApprovedCall, ResponseRun
from trunkline.model.response_shape import CancelReason, Events, ResponseShape
from trunkline.model.response_writer import ResponseWriter
from trunkline.model.tokens import text_tokens
from trunkline.model.truncation import first_kept
from trunkline.realtime.client_events import ResponseParams
from trunkline.realtime.items import Item, ItemReference
from trunkline.realtime.protocol import error_event
from trunkline.realtime.session import Session
from trunkline.realtime.tools import (
    FunctionTool,
    McpTool,
    NamedFunction,
    NamedMcp,
    servers_of,
)

MAX_OUT_OF_BAND: Final = 8
# After a call to an MCP server: clients that ask for the next response themselves do so at once.
CONTINUE_AFTER_S: Final = 0.3
MAX_CONTINUATIONS: Final = 8
# A response does not wait longer for the transcription of what it answers, and the length of that
# speech: an upload may have come all at once.
UNDERSTANDING_TIMEOUT_S: Final = 8.0


class Answering:
    def __init__(
        self,
        conversation: Conversation,
        engine: EngineSession,
        engine_rate_hz: int,
        hearing: Hearing,
        outbox: Outbox,
        emit: Callable[[Events], None],
        tasks: asyncio.TaskGroup,
        desk: McpDesk,
        session: Callable[[], Session],
    ) -> None:
        self._desk = desk
        self._session = session
        self._cache = PromptCache()
        self._approved: list[ApprovedCall] = []
        self._continued = 0
        self._conversation = conversation
        self.rehearsals = Rehearsals(engine.respond, tasks)
        self._engine_rate_hz = engine_rate_hz
        self._hearing = hearing
        self._outbox = outbox
        self._emit = emit
        self._tasks = tasks
        self._active: ResponseRun | None = None
        self._last: ResponseRun | None = None
        self._out_of_band: dict[str, ResponseRun] = {}

    @property
    def is_active(self) -> bool:
        """A response of the default conversation is running."""
        return self._active is not None and not self._active.is_finished

    def is_heard(self) -> bool:
        """The agent speaks, or what it said may still be playing."""
        return self.is_active or (self._last is not None and self._last.playback_left_ms() > 0)

    def create(
        self, session: Session, params: ResponseParams, *, is_continuation: bool = False
    ) -> None:
        """Begin a response; ProtocolError when it may not be. Calls that were approved meanwhile
        run first; a continuation that runs any leaves the speaking to the next one."""
        is_default = params.conversation == "auto"
        if is_default and self.is_active:
            assert self._active is not None
            raise ProtocolError(
                "Conversation already has an active response in progress: "
                f"{self._active.response_id}. Wait until the response is finished before creating "
                "a new one.",
                code="conversation_already_has_active_response",
            )
        if not is_default and len(self._out_of_band) >= MAX_OUT_OF_BAND:
            raise ProtocolError(
                f"At most {MAX_OUT_OF_BAND} out-of-band responses may run at once.",
                code="rate_limit_exceeded",
            )
        config = _config(session, params)
        tools = session.tools if params.tools is None else params.tools
        _check_choice(config, params.tool_choice or session.tool_choice, tools)
        self._desk.require_room(tools)
        context = self._context(params)
        approved: tuple[ApprovedCall, ...] = ()
        if is_default:
            approved = tuple(self._approved)
            self._approved.clear()
            self._continued = self._continued + 1 if is_continuation else 0
        speaks = not (is_continuation and approved)
        run = self._run(session, params, config, context, approved, speaks)
        if is_default:
            self._active = self._last = run
            self._hearing.agent_speaks()
        else:
            self._out_of_band[run.response_id] = run
        run.begin()
        self._tasks.create_task(self._attend(run, is_default), name=f"response:{run.response_id}")

    def cancel(self, response_id: str | None) -> None:
        """The client's cancel: the named response, else the default conversation's."""
        run = self._active if self.is_active else None
        if response_id is not None and (run is None or run.response_id != response_id):
            run = self._out_of_band.get(response_id)
        if run is None:
            raise ProtocolError(
                "Cancellation failed: no active response found.", code="response_cancel_not_active"
            )
        run.cancel("client_cancelled")

    def interrupt(self, reason: CancelReason = "turn_detected") -> None:
        """Speech has begun: the default conversation's response ends, others go on."""
        if self.is_active:
            assert self._active is not None
            self._active.cancel(reason)

    def rehearse(self, session: Session, foreseen: Foreseen, audio_ms: float) -> None:
        """Make the answer to a turn that may be over, for ``create`` to find ready."""
        if self.is_active or self._approved or foreseen.is_rejected or not foreseen.text:
            return
        entry = self._conversation.foreseen(foreseen.item_id, foreseen.text, foreseen.confidence)
        entry.audio_ms = audio_ms
        context = [*self._conversation, entry]
        if not all(each.is_understood for each in context):
            return
        config = _config(session, ResponseParams())
        offered = self._desk.offer(session.tools, config_choice(config, session.tool_choice))
        effective = replace(config, tools=offered.tools, tool_choice=offered.choice)
        entries, _ = self._kept(effective, context, session)
        history = self._conversation.history(entries)
        self.rehearsals.begin(ResponseRequest(foreseen.item_id, history, effective))

    # ---- inside --------------------------------------------------------------------------------

    def _run(
        self,
        session: Session,
        params: ResponseParams,
        config: EngineConfig,
        context: Sequence[Entry],
        approved: Sequence[ApprovedCall],
        speaks: bool,
    ) -> ResponseRun:
        output_format = response_format(session, params)
        shape = ResponseShape(
            response_id=mint("resp"),
            modality=config.modalities[0],
            output_format=output_format,
            voice=config.voice,
            max_output_tokens=response_limit(session, params),
            metadata=params.metadata,
        )
        writer = ResponseWriter(
            shape,
            self._conversation if params.conversation == "auto" else None,
        )
        tools = session.tools if params.tools is None else params.tools
        choice = session.tool_choice if params.tool_choice is None else params.tool_choice
        is_default = params.conversation == "auto"

        async def request() -> ResponseRequest:
            await self._desk.until_listed(tools)
            offered = self._desk.offer(tools, config_choice(config, choice))
            run.routes = offered.routes
            effective = replace(config, tools=offered.tools, tool_choice=offered.choice)
            entries = list(self._conversation) if params.input is None and approved else context
            if not is_default:  # what it has said and called so far is in no conversation
                entries = [*entries, *(Entry(item, str(item.id)) for item in writer.output)]
            await self._until_understood(entries)
            entries, pieces = self._kept(effective, entries, session)
            cache = self._cache if is_default else PromptCache()
            writer.input_tokens = cache.count(pieces)
            history = self._conversation.history(entries)
            is_apart = not is_default or params.input is not None
            return ResponseRequest(shape.response_id, history, effective, is_apart)

        run = ResponseRun(
            writer,
            self.rehearsals.respond,
            OutputEncoder(self._engine_rate_hz, output_format),
            request,
            self._emit,
            self._outbox.writable,
            self._desk.client,
            approved=approved,
            speaks=speaks,
            is_one_call=_is_one_call(session, params),
            is_out_of_band=not is_default,
        )
        return run

    def _kept(
        self, config: EngineConfig, entries: Sequence[Entry], session: Session
    ) -> tuple[Sequence[Entry], list[Piece]]:
        """What of the context the engine is given, and what that costs."""
        pieces = self._pieces(config, entries)
        sizes = [text + audio for _, text, audio in pieces[1:]]
        kept = first_kept(sizes, pieces[0][1], session.truncation)
        return entries[kept:], [pieces[0], *pieces[1 + kept :]]

    def _pieces(self, config: EngineConfig, entries: Sequence[Entry]) -> list[Piece]:
        tools = "".join(str(tool) for tool in config.tools)
        head = text_tokens(config.instructions) + text_tokens(tools)
        pieces: list[Piece] = [((config.instructions, tools), head, 0)]
        for entry in entries:
            text, audio = self._conversation.input_tokens([entry])
            pieces.append(((entry.item_id, entry.truncated_ms), text, audio))
        return pieces

    # ---- what MCP servers leave to be said -------------------------------------------------------

    def approve(self, call: ApprovedCall) -> None:
        """It runs in the next response, the client's or ours."""
        self._approved.append(call)

    def continue_soon(self) -> None:
        """Go on by ourselves, unless the client asks for the next response first."""
        self._tasks.create_task(self._continue(self._last), name="continuation")

    async def _continue(self, last: ResponseRun | None) -> None:
        await asyncio.sleep(CONTINUE_AFTER_S)
        if self.is_active or self._last is not last or self._continued >= MAX_CONTINUATIONS:
            return
        session = self._session()
        is_free = session.tool_choice in ("auto", "none")
        params = ResponseParams() if is_free else ResponseParams(tool_choice="auto")
        try:
            self.create(session, params, is_continuation=True)
        except ProtocolError as exc:
            self._emit([error_event(exc)])

    async def _attend(self, run: ResponseRun, is_default: bool) -> None:
        try:
            await run.run()
        finally:
            self._out_of_band.pop(run.response_id, None)
            if is_default and self._last is run:
                self._hearing.agent_answered(run.playback_left_ms())
                if self._approved or (run.has_called_mcp and not run.was_cancelled):
                    self.continue_soon()

    def _context(self, params: ResponseParams) -> list[Entry]:
        if params.input is None:
            return list(self._conversation)
        context: list[Entry] = []
        for index, element in enumerate(params.input):
            try:
                context.append(self._input_entry(element))
            except ProtocolError as exc:
                path = (exc.param or "item").removeprefix("item")
                exc.param = f"response.input.{index}{path}"
                raise
        return context

    def _input_entry(self, element: Item | ItemReference) -> Entry:
        """ProtocolError's ``param`` is a path from ``item``."""
        if isinstance(element, ItemReference):
            found = self._conversation.get(element.id)
            if found is None:
                raise ProtocolError(
                    f"No item with the id '{element.id[:64]}' in this conversation.",
                    code="invalid_value",
                    param="item.id",
                )
            return found
        item, payload = taken_audio(element)
        if payload:
            raise ProtocolError(
                "Audio in 'response.input' needs its transcript: create the item in the "
                "conversation and refer to it by an 'item_reference' instead.",
                code="invalid_value",
                param="item.content",
            )
        return self._conversation.checked_entry(item)

    async def _until_understood(self, context: Sequence[Entry]) -> None:
        """Wait for the transcriptions that are owed, within a deadline; then go on without."""
        hearing = self._hearing
        try:
            async with asyncio.timeout(UNDERSTANDING_TIMEOUT_S + hearing.owed_s):
                while not all(entry.is_understood for entry in context):
                    hearing.understood.clear()
                    await hearing.understood.wait()
        except TimeoutError:
            return


def _config(session: Session, params: ResponseParams) -> EngineConfig:
    config = response_config(session, params)
    if config.tool_choice == "required" and not (session.tools or params.tools):
        # openai-agents keeps "required" after a hand-off to an agent without tools.
        return replace(config, tool_choice="auto")
    return config


def _is_one_call(session: Session, params: ResponseParams) -> bool:
    own = params.parallel_tool_calls
    return (session.parallel_tool_calls if own is None else own) is False


def config_choice(
    config: EngineConfig, choice: str | NamedFunction | NamedMcp
) -> str | NamedFunction | NamedMcp:
    """``required`` was taken back where there was nothing to require."""
    return choice if not isinstance(choice, str) else str(config.tool_choice)


def _check_choice(
    config: EngineConfig,
    choice: str | NamedFunction | NamedMcp,
    tools: Sequence[FunctionTool | McpTool],
) -> None:
    if isinstance(choice, NamedMcp):
        name = choice.server_label
        is_there = any(server.server_label == name for server in servers_of(tools))
    elif isinstance(choice, NamedFunction):
        name = choice.name
        is_there = any(tool.get("name") == name for tool in config.tools)
        is_there = is_there or bool(servers_of(tools))
    else:
        return
    if not is_there:
        raise ProtocolError(
            f"tool_choice names '{name}', which is not among the tools.",
            code="invalid_value",
            param="response.tool_choice",
        )
