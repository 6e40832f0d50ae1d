"""``trunkline calls`` and ``trunkline transcript``: what was said, read from the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

from trunkline.domain.call import Direction
from trunkline.domain.errors import NotFound
from trunkline.domain.turn import Speaker, WordFate
from trunkline.runtime.settings import Settings
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import open_sessions
from trunkline.storage.views import CallDetail, CallSummary, TurnView


@asynccontextmanager
async def _repository(settings: Settings) -> AsyncIterator[CallRepository]:
    sessions = open_sessions(settings.resolved_database_url, pooled=False)
    try:
        async with sessions.reading() as session:
            yield CallRepository(session)
    finally:
        await sessions.close()


async def list_calls(settings: Settings, limit: int) -> list[CallSummary]:
    async with _repository(settings) as calls:
        page = await calls.list_calls(limit=limit)
    return list(page.calls)


async def one_call(settings: Settings, call_id: str) -> CallDetail:
    """NotFound says how to list them."""
    async with _repository(settings) as calls:
        try:
            return await calls.detail(call_id)
        except NotFound:
            raise NotFound(f"no call {call_id!r}: `trunkline calls` lists them") from None


def call_line(call: CallSummary) -> str:
    is_ours = call.direction is Direction.OUTBOUND
    caller = call.caller_number or ("us" if is_ours else "")
    duration = f"{call.duration_ms / 1000:6.1f} s" if call.duration_ms is not None else "    live"
    return (
        f"{call.call_id}  {call.started_at:%Y-%m-%d %H:%M:%S}  {caller:>15} → "
        f"{call.called_number:<12} {_flow_of(call):<25} {duration}  {call.end_cause or call.state}"
    )


def transcript_lines(call: CallDetail) -> list[str]:
    """Whose call it was, and a line for each turn; what was never heard stands in brackets."""
    summary = call.summary
    head = f"{summary.caller_number} → {summary.called_number}  {_flow_of(summary)}".rstrip()
    return [head, *(_turn_line(turn) for turn in call.turns)]


def _flow_of(call: CallSummary) -> str:
    """The agent that took the call, and the version of its flow that the call has to its end."""
    return f"{call.agent} {call.flow_version[:12]}".strip()


def _turn_line(turn: TurnView) -> str:
    stamp = f"{turn.started_ms // 60000:02d}:{turn.started_ms % 60000 / 1000:04.1f}"
    who = "Agent " if turn.speaker == Speaker.AGENT else "Caller"
    words = turn.text
    cut = " ".join(word.text for word in turn.words if word.fate != WordFate.HEARD)
    tail = f" [not heard: {cut}]" if cut and turn.speaker == Speaker.AGENT else ""
    return f"{stamp}  {who}  {words}{tail}"


def as_json(value: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
