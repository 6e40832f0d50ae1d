"""SipLeg's own rules, over a dialog and a ring port that do nothing by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import Invalid, TrunkError
from trunkline.domain.ids import LegId
from trunkline.domain.leg import (
    LegDescription,
    LegDigit,
    LegEnded,
    LegEvent,
    LegMediaStarted,
    LegTransferProgress,
)
from trunkline.sip.control_thread import ControlThread
from trunkline.sip.leg import SipLeg
from trunkline.sip.ring import RingPump
from trunkline.sip.stats import MediaCounters

PAIR = 640  # 8 kHz: two frames of 160 samples of two bytes


class Port:
    """A ring that gives what a test puts in."""

    def __init__(self) -> None:
        self.pairs = b""
        self.written = b""

    def read(self, most: int) -> bytes:
        taken, self.pairs = self.pairs[:most], self.pairs[most:]
        return taken

    def write(self, pcm: bytes) -> int:
        self.written += pcm
        return len(pcm)

    def txQueuedBytes(self) -> int:
        return len(self.written)

    def txPlayedBytes(self) -> int:
        return 320

    def stats(self) -> Any:
        return SimpleNamespace(playedBytes=320, underruns=2, pairsDropped=1, clipPlays=0, ticks=0)


class Dialog:
    def __init__(self) -> None:
        self.is_media_up = True
        self.is_over = False
        self.is_answered = False
        self.hears_tones = self.is_heard = False
        self.media = MediaCounters(rx_packets=5)
        self.done: list[str] = []
        self.refusals = 0

    def ring(self) -> None:
        self.done.append("ring")

    def end(self, cause: EndCause, sip_status: int | None) -> None:
        self.done.append(f"end {cause} {sip_status}")

    def dial_digits(self, digits: str, duration_ms: int) -> None:
        self.done.append(f"digits {digits}")


class Ear:
    """A sink that keeps what it is given, piece by piece."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, pairs: bytes) -> None:
        self.heard.append(pairs)


class Dialogs:
    def __init__(self, control: ControlThread, pump: RingPump) -> None:
        self.control = control
        self.pump = pump
        self.retired: list[tuple[Any, Any]] = []

    def retire(self, call: Any, port: Any) -> None:
        self.retired.append((call, port))


class Bench:
    def __init__(self, control: ControlThread) -> None:
        loop = asyncio.get_running_loop()
        self.port, self.call = Port(), Dialog()
        self.dialogs = Dialogs(control, RingPump(loop, fd=lambda: -1, clear=lambda: None))
        self.leg = SipLeg(
            self.dialogs,
            loop,
            cast(Any, self.call),
            cast(Any, self.port),
            LegDescription(LegId("leg_1"), Direction.INBOUND, "local", "1", "100"),
            "PCMU/8000",
            8000,
        )

    async def settle(self) -> None:
        """Let what was posted to the loop and to the control thread be done."""
        await asyncio.sleep(0)
        await self.dialogs.control.run(lambda: None)
        await asyncio.sleep(0)


@pytest.fixture
def control() -> Iterator[ControlThread]:
    thread = ControlThread()
    thread.start()
    yield thread
    assert thread.stop(5)


@pytest.fixture
async def bench(control: ControlThread) -> Bench:
    return Bench(control)


async def test_pairs_from_before_listen_come_first(bench: Bench) -> None:
    bench.port.pairs = b"a" * PAIR
    bench.leg.drain()
    bench.port.pairs = b"b" * PAIR
    bench.leg.drain()
    ear = Ear()
    bench.leg.listen(ear)
    bench.port.pairs = b"c" * PAIR
    bench.leg.drain()
    assert b"".join(ear.heard) == b"a" * PAIR + b"b" * PAIR + b"c" * PAIR


async def test_ticks_before_the_first_media_are_no_audio_of_the_call(bench: Bench) -> None:
    bench.call.is_media_up = False
    bench.port.pairs = b"x" * PAIR
    bench.leg.drain()
    bench.call.is_media_up = True
    ear = Ear()
    bench.leg.listen(ear)
    assert ear.heard == []


async def test_unheard_pairs_are_bounded_and_those_beyond_are_counted(bench: Bench) -> None:
    for tick in range(510):
        bench.port.pairs = tick.to_bytes(2, "big") * (PAIR // 2)
        bench.leg.drain()
    assert bench.leg.stats().overruns == 10 + 1  # ten refused here, one dropped by the ring
    ear = Ear()
    bench.leg.listen(ear)
    assert len(ear.heard[0]) == 500 * PAIR
    assert ear.heard[0][:2] == b"\x00\x00", "the beginning is what is kept"


async def test_a_sink_that_fails_does_not_stop_the_pump(bench: Bench) -> None:
    def broken(pairs: bytes) -> None:
        raise ValueError

    bench.leg.listen(broken)
    bench.port.pairs = b"a" * PAIR
    bench.leg.drain()
    assert bench.port.pairs == b""


async def test_events_come_in_order_and_end_with_the_end(bench: Bench) -> None:
    sent: list[LegEvent] = [
        LegMediaStarted("opus/48000"),
        LegDigit("1"),
        LegEnded(EndCause.CALLER_HANGUP),
    ]
    for event in sent:
        bench.leg.deliver(event)
    bench.leg.deliver(LegDigit("2"))
    bench.leg.deliver(LegEnded(EndCause.INTERNAL_ERROR))
    assert [event async for event in bench.leg.events()] == sent
    assert bench.leg.codec == "opus/48000"


async def test_an_end_is_never_lost_in_a_flood_of_digits(bench: Bench) -> None:
    for _ in range(3000):
        bench.leg.deliver(LegDigit("5"))
    bench.leg.deliver(LegEnded(EndCause.CALLER_HANGUP))
    await bench.settle()
    events = [event async for event in bench.leg.events()]
    assert len(events) == 1025
    assert isinstance(events[-1], LegEnded)


async def test_at_the_end_the_last_pairs_are_heard_and_the_pj_objects_given_back(
    bench: Bench,
) -> None:
    ear = Ear()
    bench.leg.listen(ear)
    bench.port.pairs = b"z" * PAIR
    bench.leg.deliver(LegEnded(EndCause.CALLER_HANGUP))
    await bench.settle()
    assert ear.heard == [b"z" * PAIR]
    assert bench.dialogs.retired == [(bench.call, bench.port)]
    assert bench.leg.write(b"late") == 0
    assert bench.leg.queued_samples() == 0
    assert bench.leg.played_samples() == 160
    assert bench.leg.stats().rx_packets == 5
    assert bench.leg.stats().underruns == 2


async def test_commands_after_the_end_are_refused_plainly(bench: Bench) -> None:
    bench.leg.deliver(LegEnded(EndCause.CALLER_HANGUP))
    await bench.settle()
    with pytest.raises(TrunkError, match="over"):
        await bench.leg.answer()
    await bench.leg.hang_up(EndCause.AGENT_HANGUP)  # idempotent: nothing left to do
    assert bench.call.done == []


async def test_hanging_up_twice_says_goodbye_once(bench: Bench) -> None:
    await bench.leg.hang_up(EndCause.AGENT_HANGUP, sip_status=486)
    await bench.leg.hang_up(EndCause.OPERATOR_HANGUP)
    assert bench.call.done == ["end agent_hangup 486"]


async def test_an_answered_transfer_lets_our_leg_go(bench: Bench) -> None:
    bench.leg.deliver(LegTransferProgress(100, "Trying", False))
    await bench.settle()
    assert bench.call.done == []
    bench.leg.deliver(LegTransferProgress(200, "OK", True))
    await bench.settle()
    assert bench.call.done == ["end transferred None"]


async def test_a_failed_transfer_keeps_it(bench: Bench) -> None:
    bench.leg.deliver(LegTransferProgress(486, "Busy Here", True))
    await bench.settle()
    assert bench.call.done == []


async def test_digits_go_out_in_batches_the_stream_can_queue(bench: Bench) -> None:
    await bench.leg.send_digits("12ab")
    assert bench.call.done == ["digits 12AB"]


@pytest.mark.parametrize("digits", ["", "12x", "1 2", "é"])
async def test_what_is_no_digit_is_refused(bench: Bench, digits: str) -> None:
    with pytest.raises(Invalid, match="DTMF"):
        await bench.leg.send_digits(digits)
    assert bench.call.done == []


async def test_waiting_for_media_ends_with_the_refusal(bench: Bench) -> None:
    bench.leg.deliver(LegEnded(EndCause.REJECTED, 486, "Busy Here"))
    with pytest.raises(TrunkError, match="486 Busy Here") as refused:
        await bench.leg.wait_for_media(5)
    assert refused.value.sip_status == 486


async def test_waiting_for_media_has_a_deadline(bench: Bench) -> None:
    with pytest.raises(TrunkError, match="no answer"):
        await bench.leg.wait_for_media(0.01)
