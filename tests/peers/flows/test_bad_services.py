"""Services that answer too often, or far too much: nothing of it reaches another run."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator

import pytest
from tests.peers.flows.servers import each_connection

from trunkline.flows.prompts import compile_prompt
from trunkline.flows.tool_runner import ToolContext, ToolRunner
from trunkline.flows.tools import (
    HttpTransport,
    ToolFailed,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

pytestmark = pytest.mark.peers


@pytest.fixture
async def tools() -> AsyncIterator[ToolRunner]:
    async with ToolRunner() as runner:
        yield runner


async def ask(tools: ToolRunner, url: str) -> ToolRunResult:
    transport = HttpTransport("GET", compile_prompt(f"{url}/x"), allowed_hosts=(url,))
    tool = ToolSpec("probe", "A probe.", transport, {"type": "object"}, timeout_ms=5000)
    return await tools.run(tool, {}, ToolContext("call_1", "key-1"))


def read_request(connection: socket.socket) -> None:
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        part = connection.recv(65536)
        if not part:
            raise OSError("the client has gone")
        read += part


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("pause_s", [0.0, 0.02])
async def test_a_service_that_answers_twice_never_answers_the_next_question(
    tools: ToolRunner, is_chunked: bool, pause_s: float
) -> None:
    asked = 0

    def answer_twice(connection: socket.socket) -> None:
        nonlocal asked
        while True:
            read_request(connection)
            asked += 1
            sent = b""
            for number in (1, 2):
                body = b'{"answer": %d%d}' % (asked, number)
                head = b"Content-Length: %d\r\n\r\n" % len(body)
                if is_chunked:
                    head = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
                    body += b"\r\n0\r\n\r\n"
                sent += b"HTTP/1.1 200 OK\r\n" + head + body
                if pause_s:
                    connection.sendall(sent)
                    sent = b""
                    time.sleep(pause_s)
            connection.sendall(sent)

    with each_connection(answer_twice) as url:
        results = [await ask(tools, url) for _ in range(3)]
        await tools.aclose()
    answers = [result.result["answer"] for result in results if isinstance(result, ToolSucceeded)]
    assert answers == [11, 21, 31], "the surplus of one question answered the next"
    assert asked == 3


async def test_ten_megabytes_are_not_read_to_their_end(tools: ToolRunner) -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
        for _ in range(160):
            connection.sendall(b"9" * 65536)
            sent += 65536

    with each_connection(flood) as url:
        result = await ask(tools, url)
    assert isinstance(result, ToolFailed)
    assert result.error.code == "answer_too_large"
    assert sent < 10 * 1024 * 1024
