"""MCP tools against the MCP library's own server, over stdio and over streamable HTTP."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.domain.events import ToolOutcome
from trunkline.flows.prompts import compile_prompt
from trunkline.flows.tool_runner import ToolContext, ToolRunner
from trunkline.flows.tools import (
    McpServer,
    McpTransport,
    ToolFailed,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

pytestmark = pytest.mark.peers
SCRIPT = Path(__file__).with_name("mcp_server.py")
COMMAND = (sys.executable, str(SCRIPT))
ALLOWED = ("LIBRARY_TOKEN= " + shlex.join(COMMAND),)
CARD = {
    "type": "object",
    "properties": {"card": {"type": "string", "pattern": "^[0-9]+$"}},
    "required": ["card"],
}


def stdio(**changes: Any) -> McpServer:
    return McpServer("library", command=COMMAND, **changes)


@pytest.fixture
def http_server() -> Iterator[McpServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*COMMAND, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None
        time.sleep(0.1)
    url = compile_prompt(f"http://127.0.0.1:{port}/mcp")
    yield McpServer("library", url=url, allowed_hosts=(f"127.0.0.1:{port}",))
    process.terminate()
    process.wait(10)


@pytest.fixture
async def tools() -> AsyncIterator[ToolRunner]:
    async with ToolRunner(mcp_commands=ALLOWED, secrets={"library": "s3cret"}) as runner:
        yield runner


def spec(server: McpServer, name: str, **changes: Any) -> ToolSpec:
    fields: dict[str, Any] = {"parameters": {"type": "object"}, "timeout_ms": 20_000, **changes}
    has_own = "parameters" in changes
    return ToolSpec(name, "A tool.", McpTransport(server, name, has_own), **fields)


async def run(tools: ToolRunner, tool: ToolSpec, **arguments: Any) -> ToolRunResult:
    return await tools.run(tool, arguments, ToolContext("call_1", "key-1"))


def ok(result: ToolRunResult) -> Any:
    assert isinstance(result, ToolSucceeded), result
    return result.result


def failed(result: ToolRunResult) -> ToolFailed:
    assert isinstance(result, ToolFailed), result
    return result


async def test_a_tool_of_a_process_is_run_and_its_result_is_structured(tools: ToolRunner) -> None:
    tool = spec(stdio(), "renew", parameters=CARD)
    assert ok(await run(tools, tool, card="12")) == {"weeks": 1, "card": 12}


async def test_a_tool_over_http_is_run(tools: ToolRunner, http_server: McpServer) -> None:
    tool = spec(http_server, "renew", parameters=CARD)
    assert ok(await run(tools, tool, card="12")) == {"weeks": 1, "card": 12}


async def test_arguments_are_checked_by_the_servers_own_schema_before_it_is_called(
    tools: ToolRunner,
) -> None:
    wrong = failed(await run(tools, spec(stdio(), "renew"), card=12))
    assert (wrong.outcome, wrong.error.param) == (ToolOutcome.INVALID, "card")


async def test_a_flow_that_declares_other_arguments_than_the_server_is_told(
    tools: ToolRunner,
) -> None:
    other = {"type": "object", "properties": {"shelf": {"type": "string"}}}
    error = failed(await run(tools, spec(stdio(), "renew", parameters=other), shelf="a")).error
    assert error.code == "schema_mismatch"
    assert "'card'" in error.message


async def test_a_tool_that_the_server_lacks_is_unknown(tools: ToolRunner) -> None:
    assert failed(await run(tools, spec(stdio(), "burn"))).error.code == "unknown_tool"


async def test_a_failure_of_the_tool_comes_back_with_a_code(tools: ToolRunner) -> None:
    assert failed(await run(tools, spec(stdio(), "breaks"))).error.code == "tool_error"


async def test_too_large_an_answer_is_refused(tools: ToolRunner, http_server: McpServer) -> None:
    for server in (stdio(), http_server):
        result = failed(await run(tools, spec(server, "huge")))
        assert result.outcome in (ToolOutcome.FAILED, ToolOutcome.TIMED_OUT), result


async def test_a_tool_that_never_answers_is_timed_out(tools: ToolRunner) -> None:
    await run(tools, spec(stdio(), "pid"))
    result = failed(await run(tools, spec(stdio(), "never", timeout_ms=300)))
    assert result.outcome is ToolOutcome.TIMED_OUT
    assert isinstance(ok(await run(tools, spec(stdio(), "pid"))), int)


async def test_a_server_that_died_is_started_again(tools: ToolRunner) -> None:
    first = ok(await run(tools, spec(stdio(), "pid")))
    os.kill(first, signal.SIGKILL)
    await run(tools, spec(stdio(), "pid"))  # may be what notices it
    assert ok(await run(tools, spec(stdio(), "pid"))) != first


async def test_a_secret_reaches_the_process_by_the_name_that_was_allowed(
    tools: ToolRunner,
) -> None:
    server = stdio(env={"LIBRARY_TOKEN": compile_prompt("{{ secrets.library }}")})
    assert ok(await run(tools, spec(server, "token"))) == "s3cret"


async def test_a_command_that_the_operator_did_not_allow_is_not_started(tools: ToolRunner) -> None:
    sneaky = McpServer("x", command=(*COMMAND, "--more"))
    preload = stdio(env={"LD_PRELOAD": compile_prompt("x")})
    for server in (sneaky, preload):
        assert failed(await run(tools, spec(server, "pid"))).error.code == "command_refused"


async def test_a_server_that_lies_inward_is_refused(
    tools: ToolRunner, http_server: McpServer
) -> None:
    inward = McpServer("library", url=http_server.url)
    assert failed(await run(tools, spec(inward, "pid"))).error.code == "address_refused"


async def test_a_server_that_is_down_is_unreachable(tools: ToolRunner) -> None:
    url = compile_prompt("http://127.0.0.1:1/mcp")
    down = McpServer("library", url=url, allowed_hosts=("127.0.0.1",))
    assert failed(await run(tools, spec(down, "pid"))).error.code == "unreachable"
