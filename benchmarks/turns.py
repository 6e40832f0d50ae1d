"""Turn taking as the caller has it: how soon an answer comes, how soon the agent falls silent.

    python -m benchmarks.turns [--only server callers cascade stop mistakes] [--trials 70]

Real installations and callers with real RTP. Beyond the hangover means: less the silence that was
configured to end the turn. About ten minutes in all; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import numpy as np
import pybase64
from numpy.typing import NDArray

from benchmarks import barge_in
from benchmarks.calls import RATE, VOICES, local_speech, spread
from benchmarks.load import HANGOVER_MS, QUESTION, Level, at_level, site
from benchmarks.machine import commit, machine
from benchmarks.realtime_client import BareSession, bare_session
from benchmarks.realtime_latency import AUDIO, KEY, scripted_server
from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.cli.testcall.measure import speech_span

PARTS = ("server", "callers", "cascade", "stop", "mistakes")
_VAD = {"type": "server_vad", "silence_duration_ms": HANGOVER_MS}
_DELTA = "response.output_audio.delta"
_PER_FRAME = 160
_REST_S = 4.0


async def ask(
    session: BareSession, pcm: NDArray[np.int16], turns: int, offset_s: float
) -> list[float]:
    """Ask so often, in real time; from the last sound's end, less the hangover, to the first delta
    of the answer. A frame has ended 20 ms after the one before it was due."""
    _, ends_ms = speech_span(pcm, RATE)
    quiet = b"\0\0" * round(RATE * (_REST_S + HANGOVER_MS / 1000))
    wave = pcm_to_ulaw(pcm.tobytes() + quiet)
    frames = [wave[at : at + _PER_FRAME] for at in range(0, len(wave), _PER_FRAME)]
    came: list[float] = []

    def heard(kind: str, at: float, _frame: bytes) -> None:
        if kind == _DELTA:
            came.append(at)

    session.on_event = heard
    found: list[float] = []
    due = perf_counter() + offset_s
    for _ in range(turns):
        began = due
        for frame in frames:
            await asyncio.sleep(max(0.0, due + 0.02 - perf_counter()))
            audio = pybase64.b64encode(frame).decode()
            session.send(type="input_audio_buffer.append", audio=audio)
            due += 0.02
        over = began + (ends_ms + HANGOVER_MS) / 1000
        answers = [at for at in came if at > began + ends_ms / 1000]
        if answers:
            found.append((min(answers) - over) * 1000)
    return found


async def at_the_server(sessions: int, turns: int) -> list[float]:
    pcm = await local_speech(QUESTION, VOICES[0])
    with scripted_server(reply_words=4) as (port, _):
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(
                    bare_session(
                        port,
                        KEY,
                        audio=AUDIO | {"input": AUDIO["input"] | {"turn_detection": _VAD}},
                    )
                )
                for _ in range(sessions)
            ]
            async with asyncio.TaskGroup() as tasks:
                asking = [
                    tasks.create_task(ask(one, pcm, turns, number * _REST_S / sessions))
                    for number, one in enumerate(opened)
                ]
    return [ms for each in asking for ms in each.result()]


def delay_row(where: str, calls: int, beyond_ms: list[float], unanswered: int, goal: str) -> str:
    return f"| {where} | {calls} | {len(beyond_ms)} | {unanswered} | {spread(beyond_ms)} | {goal} |"


def beyond(level: Level) -> list[float]:
    return [ms - HANGOVER_MS for ms in level.delays_ms]


def delays(folder: Path, parts: set[str], seconds: float, many: tuple[int, int]) -> None:
    print(f"\nTurn beyond the configured hangover of {HANGOVER_MS} ms:\n")
    print("| where | calls | turns | unanswered | p50 / p95 / max | goal |")
    print("|---|---|---|---|---|---|")
    if "server" in parts:
        for calls in (1, many[0]):
            turns = max(3, round(seconds / (_REST_S + 2)))
            found = asyncio.run(at_the_server(calls, turns))
            lost = calls * turns - len(found)
            row = delay_row("server, scripted engine", calls, found, lost, "30 / 60 ms")
            print(row, flush=True)
    for part, engine, most, goal in (
        ("callers", {}, many[0], "that + 20 ms + jitter buffer"),
        ("cascade", {"TRUNKLINE_ENGINE": "cascade"}, many[1], "p95 150 ms"),
    ):
        if part not in parts:
            continue
        with site(folder / part, **engine) as place:
            for calls in (1, most):
                level = asyncio.run(at_level(place, calls, seconds))
                where = f"caller, {'cascade' if engine else 'scripted'} engine"
                print(delay_row(where, calls, beyond(level), level.unanswered, goal), flush=True)


def interruptions(folder: Path, parts: set[str], options: argparse.Namespace) -> None:
    settings = {"TRUNKLINE_ENGINE": "cascade"}
    with site(folder / "stop", agent=barge_in.AGENT, **settings) as place:
        if "stop" in parts:
            stops = asyncio.run(barge_in.stop_to_silence(place, options.trials, options.at_once))
            print("\nStop-to-silence at the caller, goal p95 200 ms (150):\n")
            print("| line | trials | missed | p50 / p95 / max | <= 150 ms | <= 200 ms |")
            print("|---|---|---|---|---|---|")
            for name, each in stops.items():
                print(each.row(name))
            every = barge_in.Stops(
                [ms for each in stops.values() for ms in each.ms],
                sum(each.missed for each in stops.values()),
            )
            print(every.row("all"), flush=True)
        if "mistakes" in parts:
            found = asyncio.run(barge_in.mistakes(place, options.calls, options.at_once))
            print("\nNobody interrupts the agent:\n")
            print("| line | minutes | said | pauses | a minute | cuts | a minute |")
            print("|---|---|---|---|---|---|---|")
            for name, kind in found.items():
                print(kind.row(name), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=40.0, help="of calls at each number")
    parser.add_argument("--many", type=int, nargs=2, default=(25, 10), help="scripted, cascade")
    parser.add_argument("--trials", type=int, default=70, help="barge-ins on each line")
    parser.add_argument("--calls", type=int, default=8, help="without one, of each kind")
    parser.add_argument("--at-once", type=int, default=4, help="calls beside each other")
    options = parser.parse_args()
    parts = set(options.only)
    print(f"machine: {machine()}\ncommit: {commit()}\ncommand: python -m benchmarks.turns")
    with tempfile.TemporaryDirectory(prefix="tl-turns-") as scratch:
        if parts & {"server", "callers", "cascade"}:
            delays(Path(scratch), parts, options.seconds, tuple(options.many))
        if parts & {"stop", "mistakes"}:
            interruptions(Path(scratch), parts, options)


if __name__ == "__main__":
    main()
