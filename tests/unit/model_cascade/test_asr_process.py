"""A recogniser process that is behind is waited for; one that hangs is ended and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from trunkline.model.cascade import asr_process
from trunkline.model.cascade.asr_process import AsrProcess
from trunkline.runtime.supervision import nursery

SECOND = bytes(32_000)  # of audio at 16 kHz


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[AsrProcess]:
    one = AsrProcess(tmp_path, is_general=False, on_message=lambda _: None, on_lost=lambda: None)
    async with nursery("test") as tasks:
        one.start(tasks)
        await one.wait_ready()
        yield one
        if one.pid is not None:
            os.kill(one.pid, signal.SIGCONT)
        await one.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


def fill(process: AsrProcess) -> None:
    assert any(not process.send_audio(1, SECOND) for _ in range(100))


async def test_a_process_that_is_behind_loses_audio_and_not_its_life(process: AsrProcess) -> None:
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    fill(process)
    assert process.send({"type": "drop", "turn": 1})
    os.kill(pid, signal.SIGCONT)
    await until(lambda: process.send_audio(2, SECOND))
    assert (process.pid, process.restarts) == (pid, 0)


async def test_a_process_that_takes_nothing_for_long_is_ended_and_started_again(
    process: AsrProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asr_process, "HANGS_AFTER_S", 0.3)
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    fill(process)
    await until(lambda: not process.send_audio(1, SECOND) and process.restarts == 1)
    await process.wait_ready()
    assert process.pid != pid
    assert process.send_audio(1, SECOND)


async def test_what_comes_for_a_process_that_is_full_is_bounded(process: AsrProcess) -> None:
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    fill(process)
    sent = sum(process.send({"type": "drop", "turn": n, "x": "x" * 1000}) for n in range(5000))
    assert 500 < sent < 2000
