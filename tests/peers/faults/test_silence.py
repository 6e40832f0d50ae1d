"""Nobody is left in silence: not by an edge whose loop stands still, nor by a model that does."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import pytest
from benchmarks.rtp_caller import SAMPLES, Packet
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.stopped_thread import stopped
from tests.peers.faults.phone import (
    ACCOUNT,
    Phone,
    api,
    calling,
    get,
    likeness,
    renderings,
    said,
)
from tests.peers.faults.test_engine import children_of

from trunkline.calls.house_lines import house_lines

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

GREETING: Final = "Welcome to Brightwater Energy. How can I help you today?"
STOP_S: Final = 5.0
LINES: Final = house_lines("en")
_ALIKE: Final = 0.9
_QUIET_DBFS: Final = -50.0  # comfort noise is below, speech and its pauses between words above
_LATE_S: Final = 0.3  # what a sound may begin later by: its own soft onset, and a frame or two


def within(phone: Phone, start_s: float, end_s: float) -> list[Packet]:
    return [packet for packet in phone.packets if start_s <= packet.at < end_s]


def longest_quiet_s(packets: list[Packet]) -> float:
    longest = run = 0
    for packet in packets:
        run = run + 1 if packet.dbfs < _QUIET_DBFS else 0
        longest = max(longest, run)
    return longest * 0.02


def assert_media_goes_on(packets: list[Packet], seconds: float) -> None:
    """A packet for every 20 ms, in order, and none late by more than a jitter buffer bridges."""
    steps = {b.timestamp - a.timestamp for a, b in zip(packets, packets[1:], strict=False)}
    assert steps == {SAMPLES}
    assert abs(len(packets) - seconds / 0.02) < 25
    gaps_ms = np.diff([packet.at for packet in packets]) * 1000
    assert np.percentile(gaps_ms, 99) < 100
    assert all(any(packet.payload) for packet in packets)


async def goes_on(phone: Phone) -> None:
    """The caller is served as if nothing had been."""
    await phone.until_step("menu")
    await phone.press("1")
    await phone.until_detail(lambda call: "account number?" in said(call), "the question")
    await phone.press(ACCOUNT)
    await phone.until_detail(lambda call: "You owe" in said(call), "the balance")


async def test_a_loop_that_stands_still_in_mid_sentence_leaves_nobody_in_silence(
    house: Installation,
) -> None:
    async with calling(house) as phone:
        await phone.until_speaking()
        with stopped(house.child_pid("sip")):
            start = time.perf_counter()
            await asyncio.sleep(STOP_S)
            end = time.perf_counter()
        heard = within(phone, start, end)
        assert_media_goes_on(heard, end - start)
        assert longest_quiet_s(heard) <= 1.5 + _LATE_S
        assert phone.has_heard(LINES.one_moment)

        call = await phone.until_detail(lambda call: GREETING in said(call), "the greeting")
        assert not call["turns"][0]["is_interrupted"]
        await goes_on(phone)
    call = await phone.until_detail(lambda call: call["recording"] is not None, "the recording")
    async with api(house) as client:
        recording = await get(client, f"/calls/{phone.call_id}/recording")
    with wave.open(io.BytesIO(recording.content)) as file:
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    likest = max(likeness(sides[:, 1], line) for line in renderings(house, LINES.one_moment))
    assert likest > _ALIKE


@contextmanager
def stopped_model(house: Installation) -> Iterator[None]:
    model = house.child_pid("model")
    everybody = [model, *children_of(model)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)


async def test_a_model_that_stands_still_is_bridged_by_a_word_that_is_no_answer(
    house: Installation,
) -> None:
    async with calling(house) as phone:
        await phone.until_step("menu")
        await phone.until_quiet()
        with stopped_model(house):
            start = time.perf_counter()
            await phone.press("1")
            await asyncio.sleep(STOP_S)
            end = time.perf_counter()
        heard = within(phone, start, end)
        assert_media_goes_on(heard, end - start)
        call = await phone.until_detail(lambda call: "account number?" in said(call), "the answer")
        (filler,) = [turn for turn in call["turns"] if turn["kind"] == "filler"]
        assert filler["text"] == LINES.fillers[0]
        assert filler["response_ms"] is None
        assert phone.has_heard(LINES.fillers[0])
        assert not phone.has_heard(LINES.one_moment), "the loop lives: its own word is enough"
        await phone.press(ACCOUNT)
        await phone.until_detail(lambda call: "You owe" in said(call), "the balance")
