"""Python functions as tools: schema from the signature, threads, typed refusals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from trunkline.domain.errors import ConfigError
from trunkline.domain.events import ToolOutcome
from trunkline.flows import tool_python
from trunkline.flows.tool_python import ToolRefused, find_tool, import_tool_modules, tool
from trunkline.flows.tool_runner import ToolContext, ToolRunner
from trunkline.flows.tools import (
    PythonTransport,
    ToolFailed,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

release = threading.Event()
started = threading.Event()


class Quote(BaseModel):
    total: Decimal
    due: date


@tool
def quote(
    context: ToolContext, meter: Annotated[str, Field(pattern="^[0-9]{4}$")], units: int = 1
) -> Quote:
    """What so many
    units cost.

    More of it.
    """
    assert context.call_id == "call_1"
    return Quote(total=Decimal(units) * 2, due=date(2026, 1, 2))


@tool
async def key_of(context: ToolContext) -> str:
    """The run's key."""
    await asyncio.sleep(0)
    return context.idempotency_key


@tool
def refuses(code: str) -> str:
    """Says no."""
    raise ToolRefused(code, "not today")


@tool
def raises(word: str) -> str:
    """Breaks."""
    raise RuntimeError(word)


@tool
def lies() -> int:
    """Declares a number and returns a text."""
    return "many"  # type: ignore[return-value]


@tool
def hangs() -> None:
    """Comes back when it is let go."""
    started.set()
    release.wait(20)


@pytest.fixture(autouse=True)
def admitted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tool_python, "_allowed", {__name__})
    release.clear()
    started.clear()
    yield
    release.set()


def spec(name: str, **changes: Any) -> ToolSpec:
    found = find_tool(f"{__name__}:{name}")
    assert found is not None
    fields: dict[str, Any] = {"parameters": found.parameters, "timeout_ms": 5000, **changes}
    return ToolSpec(name, found.description, PythonTransport(found.target), **fields)


async def run(name: str, arguments: Mapping[str, Any], **changes: Any) -> ToolRunResult:
    async with ToolRunner() as runner:
        return await runner.run(spec(name, **changes), arguments, ToolContext("call_1", "key-1"))


def failed(result: ToolRunResult) -> ToolFailed:
    assert isinstance(result, ToolFailed), result
    return result


def test_the_schema_comes_from_the_signature_without_the_context() -> None:
    found = find_tool(f"{__name__}:quote")
    assert found is not None
    assert found.description == "What so many units cost."
    assert found.parameters == {
        "type": "object",
        "properties": {
            "meter": {"type": "string", "pattern": "^[0-9]{4}$"},
            "units": {"type": "integer", "default": 1},
        },
        "required": ["meter"],
        "additionalProperties": False,
    }


def test_a_module_that_nobody_named_lends_no_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_python, "_allowed", set())
    assert find_tool(f"{__name__}:quote") is None


def test_a_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(ConfigError, match="TRUNKLINE_TOOL_MODULES names no_such_module"):
        import_tool_modules(["no_such_module"])


def test_a_signature_that_gives_no_schema_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be an argument"):

        @tool
        def anything(*words: str) -> None:
            """Whatever."""


async def test_a_function_runs_in_a_thread_and_its_result_is_json() -> None:
    result = await run("quote", {"meter": "0042", "units": 3})
    assert isinstance(result, ToolSucceeded)
    assert result.result == {"total": "6", "due": "2026-01-02"}


async def test_a_coroutine_runs_on_the_loop_and_sees_the_key() -> None:
    result = await run("key_of", {})
    assert isinstance(result, ToolSucceeded)
    assert result.result == "key-1"


async def test_arguments_that_break_the_schema_never_reach_the_function() -> None:
    result = failed(await run("quote", {"meter": "12"}))
    assert (result.outcome, result.error.param) == (ToolOutcome.INVALID, "meter")
    assert result.attempts == 0
    assert "12" not in result.error.message


async def test_a_refusal_has_the_code_that_the_function_gave() -> None:
    assert failed(await run("refuses", {"code": "sold_out"})).error.code == "sold_out"
    assert failed(await run("refuses", {"code": "No Way"})).error.code == "refused"


async def test_what_a_function_raises_is_told_without_its_words() -> None:
    error = failed(await run("raises", {"word": "4111111111111111"})).error
    assert error.code == "tool_raised"
    assert error.message == "the tool raised RuntimeError"


async def test_a_result_that_breaks_its_declaration_is_a_bad_answer() -> None:
    assert failed(await run("lies", {})).error.code == "bad_answer"


async def test_a_function_that_hangs_is_timed_out() -> None:
    result = failed(await run("hangs", {}, timeout_ms=50))
    assert result.outcome is ToolOutcome.TIMED_OUT


async def test_no_place_in_time_is_too_busy_and_says_nothing_about_the_service() -> None:
    async with ToolRunner() as runner:
        context, one = ToolContext("call_1", "key-1"), spec("hangs", concurrency=1)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(runner.run(one, {}, context))
            assert await asyncio.to_thread(started.wait, 10)
            hasty = spec("hangs", concurrency=1, timeout_ms=50)
            for _ in range(10):
                result = failed(await runner.run(hasty, {}, context))
                assert (result.error.code, result.outcome) == ("too_busy", ToolOutcome.FAILED)
            release.set()
        assert isinstance(first.result(), ToolSucceeded)


async def test_more_than_can_wait_are_turned_away_at_once() -> None:
    async with ToolRunner() as runner:
        context, one = ToolContext("call_1", "key-1"), spec("hangs", concurrency=1)
        async with asyncio.TaskGroup() as tasks:
            runs = [tasks.create_task(runner.run(one, {}, context)) for _ in range(8)]
            done, _ = await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
            assert failed(done.pop().result()).error.code == "too_busy"
            release.set()
        assert sum(isinstance(run.result(), ToolSucceeded) for run in runs) == 5


async def test_a_tool_that_keeps_failing_is_left_alone_until_its_time_is_up() -> None:
    now_ms = 0.0
    async with ToolRunner(clock_ms=lambda: now_ms) as runner:
        context, one = ToolContext("call_1", "key-1"), spec("raises")
        codes = [failed(await runner.run(one, {"word": "x"}, context)).error.code for _ in range(7)]
        assert codes == ["tool_raised"] * 5 + ["breaker_open"] * 2
        now_ms = 30_000.0
        probe = failed(await runner.run(one, {"word": "x"}, context))
        assert probe.error.code == "tool_raised"
        assert failed(await runner.run(one, {"word": "x"}, context)).error.code == "breaker_open"


async def test_a_dry_run_shows_the_run_and_runs_nothing() -> None:
    result = await run("raises", {"word": "x"}, is_dry_run=True)
    assert isinstance(result, ToolSucceeded)
    assert result.result["dry_run"]["python"] == {
        "function": f"{__name__}:raises",
        "arguments": {"word": "x"},
    }
