"""The speaking half of a session: one response of the default conversation at a time, and others
out of band beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.model.conversation import Conversation, Entry
from trunkline.model.engine import EngineConfig, EngineSession, ResponseRequest
from trunkline.model.engine_config import response_config, response_format, response_limit
from trunkline.model.formats import OutputEncoder
from trunkline.model.hearing import Hearing
from trunkline.model.outbox import Outbox
from trunkline.model.response import ResponseRun
from trunkline.model.response_writer import CancelReason, Events, ResponseShape, ResponseWriter
from trunkline.model.tokens import text_tokens
from trunkline.realtime.client_events import ResponseParams
from trunkline.realtime.items import ItemReference
from trunkline.realtime.session import Session

MAX_OUT_OF_BAND: Final = 8
# A response does not wait longer for the transcription of what it answers.
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
    ) -> None:
        self._conversation = conversation
        self._engine = engine
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

    def create(self, session: Session, params: ResponseParams) -> None:
        """Begin a response; ProtocolError when it may not be."""
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
        config = response_config(session, params)
        if config.tool_choice == "required" and not config.tools:
            # openai-agents keeps "required" after a hand-off to an agent without tools.
            config = replace(config, tool_choice="auto")
        _check_choice(config)
        context = self._context(params)
        run = self._run(session, params, config, context)
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

    # ---- inside --------------------------------------------------------------------------------

    def _run(
        self,
        session: Session,
        params: ResponseParams,
        config: EngineConfig,
        context: Sequence[Entry],
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
        text, audio = self._conversation.input_tokens(context)
        text += text_tokens(config.instructions) + sum(
            text_tokens(str(tool)) for tool in config.tools
        )
        writer = ResponseWriter(
            shape,
            self._conversation if params.conversation == "auto" else None,
            input_tokens=(text, audio),
        )

        async def request() -> ResponseRequest:
            await self._until_understood(context)
            history = self._conversation.history(context)
            return ResponseRequest(shape.response_id, history, config)

        return ResponseRun(
            writer,
            self._engine,
            OutputEncoder(self._engine_rate_hz, output_format),
            request,
            self._emit,
            self._outbox.writable,
        )

    async def _attend(self, run: ResponseRun, is_default: bool) -> None:
        try:
            await run.run()
        finally:
            self._out_of_band.pop(run.response_id, None)
            if is_default and self._last is run:
                self._hearing.agent_answered(run.playback_left_ms())

    def _context(self, params: ResponseParams) -> list[Entry]:
        if params.input is None:
            return list(self._conversation)
        context: list[Entry] = []
        for index, element in enumerate(params.input):
            if isinstance(element, ItemReference):
                found = self._conversation.get(element.id)
                if found is None:
                    raise ProtocolError(
                        f"No item with the id '{element.id[:64]}' in this conversation.",
                        code="invalid_value",
                        param=f"response.input.{index}.id",
                    )
                context.append(found)
            else:
                context.append(self._conversation.checked_entry(element))
        return context

    async def _until_understood(self, context: Sequence[Entry]) -> None:
        """Wait for the transcriptions that are owed, within a deadline; then go on without."""
        hearing = self._hearing
        try:
            async with asyncio.timeout(UNDERSTANDING_TIMEOUT_S):
                while not all(entry.is_understood for entry in context):
                    hearing.understood.clear()
                    await hearing.understood.wait()
        except TimeoutError:
            return


def _check_choice(config: EngineConfig) -> None:
    choice = config.tool_choice
    if isinstance(choice, str):
        return
    name = choice.get("name")
    if all(tool.get("name") != name for tool in config.tools):
        raise ProtocolError(
            f"tool_choice names '{name}', which is not among the tools.",
            code="invalid_value",
            param="response.tool_choice",
        )
