"""Who is waited for when an installation starts, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from trunkline.cli.supervisor import ProcessSpec, wait_ready
from trunkline.domain.errors import ConfigError


@asynccontextmanager
async def answering(statuses: Sequence[int]) -> AsyncIterator[ProcessSpec]:
    """A process's health port, which answers with these in turn, and with the last for ever."""
    left = list(statuses)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield ProcessSpec(
            "edge", ("true",), environment={}, ready_url=f"http://127.0.0.1:{port}/readyz"
        )


async def test_who_answers_and_is_slow_is_waited_for() -> None:
    async with answering([503, 503, 503, 503, 200]) as edge, asyncio.timeout(20):
        assert set(await wait_ready([edge], 0.01, is_patient=True)) == {"edge"}


async def test_who_does_not_answer_is_named_however_patient_one_is() -> None:
    async with answering([200]) as edge:
        pass
    with pytest.raises(ConfigError, match=r"edge: ConnectError"):
        await wait_ready([edge], 0.01, is_patient=True)


async def test_whoever_is_not_patient_names_the_slow_ones() -> None:
    async with answering([503]) as edge:
        with pytest.raises(ConfigError, match=r"edge: slow"):
            await wait_ready([edge], 0.01)
