"""What N calls at once cost, and what their callers get: processor, memory, RTP spacing, set-ups.

    python -m benchmarks.load [--calls 1 10 25 50 60 100] [--seconds 20] [--setup-rates 25]

Callers play a question and five seconds of quiet over and over, by SIPp; up to four of them are
probes of ours, whose packets bear the kernel's time of arrival. The engine is the scripted one:
detection, turn taking and the Realtime hop are real, understanding and synthesis are not. Run it
on an idle machine; processor time per call can be read on a busy one too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation, running
from tests.soak.processes import until_idle

from benchmarks.calls import RATE, VOICES, local_speech
from benchmarks.gil_holds.sitecustomize import HOLD_MS
from benchmarks.machine import commit, machine
from benchmarks.process_load import Stretch
from benchmarks.rtp_caller import RtpCaller
from benchmarks.sipp_load import SippLoad, SippOutcome, write_recording
from trunkline.cli.testcall.measure import speech_span

NUMBER: Final = "300"
HANGOVER_MS: Final = 500
QUESTION: Final = "What are your opening hours please?"
_QUIET_S: Final = 5.0
_PROBES: Final = 4
_RAMP_A_SECOND: Final = 5.0
_SETTLE_S: Final = 4.0
_SETTLED_S: Final = 180.0
_AT_REST_PERCENT: Final = 3.0
_PROCESSES: Final = ("sip", "model", "worker", "web")
_AGENT: Final = """\
agent: {name: load, display_name: Load, voice: ash}
start: welcome
intents:
  hours:
    label: hours
    description: Hours.
    examples: [what are your opening hours, when are you open]
    goto: tell
policies:
  no_input: {after_ms: 30000}
steps:
  welcome: {say: "Welcome to the load test.", next: menu}
  menu: {say: "How can I help?", listen: {intents: [hours]}}
  tell: {say: "We are open from nine to five, Monday to Friday.", next: menu}
"""
_SCRIPT: Final = {
    "transcripts": ["what are your opening hours"],
    "speech": {"kind": "tone"},
    "replies": [{"tool": {"name": "intent_hours", "arguments": {}}}],
}


@dataclass
class Level:
    """One number of calls. Spacing in milliseconds between packets at the probes' sockets; delays
    from the packet that ends a probe's speech to the agent's first packet, hangover included."""

    calls: int
    stretch: Stretch | None = None
    spacing_ms: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    unanswered: int = 0
    sipp: SippOutcome | None = None


@dataclass(frozen=True)
class Site:
    """An installation and what its callers say."""

    installation: Installation
    phrase: NDArray[np.int16]
    recording: Path
    folder: Path

    def sipp(self, name: str) -> SippLoad:
        return SippLoad(
            self.folder / name, self.installation.sip_port, NUMBER, self.recording.resolve()
        )


@contextmanager
def site(folder: Path, *, agent: str = _AGENT, **settings: str) -> Iterator[Site]:
    """A fresh installation with the scripted engine and one agent, "load", on number 300."""
    agents = folder / "agents"
    agents.mkdir(parents=True)
    (agents / "load.yaml").write_text(agent)
    (folder / "script.json").write_bytes(orjson.dumps(_SCRIPT))
    (folder / "config.toml").write_text(
        f'agents_dir = "{agents.resolve()}"\n'
        f'[[numbers]]\nnumber = "{NUMBER}"\nagent = "load"\ntrunk = "local"\n'
    )
    wanted = {
        "TRUNKLINE_ENGINE": f"scripted:{(folder / 'script.json').resolve()}",
        "TRUNKLINE_CONFIG": str((folder / "config.toml").resolve()),
        "TRUNKLINE_MAX_CALLS": "250",
        **settings,
    }
    with running(folder / "run", **wanted) as installation:
        phrase = asyncio.run(local_speech(QUESTION, VOICES[0]))
        recording = folder / "caller.wav"
        quiet = np.zeros(round(_QUIET_S * RATE), np.int16)
        write_recording(recording, np.concatenate([phrase, quiet]))
        yield Site(installation, phrase, recording, folder)


async def at_level(place: Site, calls: int, seconds: float) -> Level:
    """``calls`` calls up, and what they cost over ``seconds``."""
    level = Level(calls)
    probes = min(_PROBES, calls)
    rest = calls - probes
    ramp_s = rest / _RAMP_A_SECOND
    sipp = place.sipp(f"level-{calls}")
    if rest:
        sipp.start(rest, _RAMP_A_SECOND, hold_s=ramp_s + seconds + 2 * _SETTLE_S + probes)
    async with AsyncExitStack() as stack:
        await asyncio.sleep(ramp_s)
        callers = []
        for _ in range(probes):
            caller = RtpCaller("127.0.0.1", place.installation.sip_port, NUMBER)
            callers.append(await stack.enter_async_context(caller))
            await caller.invite()
        await asyncio.sleep(_SETTLE_S)
        pids = {name: place.installation.child_pid(name) for name in _PROCESSES}
        begun = [len(caller.packets) for caller in callers]
        level.stretch = Stretch(pids, "sip")
        async with asyncio.TaskGroup() as asking:
            for number, caller in enumerate(callers):
                asking.create_task(_converse(caller, place.phrase, seconds, number, level))
        level.stretch.end()
        for caller, first in zip(callers, begun, strict=True):
            arrivals = [packet.at for packet in caller.packets[first:]]
            level.spacing_ms += list(np.diff(arrivals) * 1000)
    if rest:
        level.sipp = await asyncio.to_thread(sipp.finish, seconds + 60)
    await until_idle(place.installation, 30)
    return level


async def _converse(
    caller: RtpCaller, phrase: NDArray[np.int16], seconds: float, number: int, level: Level
) -> None:
    """Ask, wait for the answer, and again, for so long; probes do not ask in step."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    _, ends_ms = speech_span(phrase, RATE)
    await asyncio.sleep(number * 1.3)
    while loop.time() + _QUIET_S + 2 < until:
        await caller.speak(phrase)
        await caller.spoken()
        ended = caller.left_at(ends_ms - 1)
        try:
            answer = await caller.first_loud(ended + 0.1, deadline_s=3)
            level.delays_ms.append((answer - ended) * 1000)
        except TimeoutError:
            level.unanswered += 1
        await asyncio.sleep(_QUIET_S)
    await asyncio.sleep(max(0.0, until - loop.time()))


def at_rate(place: Site, rate: float, seconds: float) -> SippOutcome:
    """Calls of two seconds, ``rate`` a second for so long."""
    sipp = place.sipp(f"rate-{rate:g}")
    sipp.start(round(rate * seconds), rate, hold_s=2.0)
    return sipp.finish(seconds + 60)


def percentiles(values: list[float]) -> str:
    if not values:
        return "–"
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return f"{p50:.1f} / {p95:.1f} / {p99:.1f} / {max(values):.0f}"


def level_row(level: Level, idle: Mapping[str, float]) -> str:
    stretch = level.stretch
    assert stretch is not None
    calls = level.calls
    each = {name: stretch.percent[name] / calls for name in _PROCESSES}
    threads = sorted(stretch.thread_percent.items(), key=lambda entry: -entry[1])[:4]
    more_mb = (stretch.rss_mb["sip"] - idle["sip"]) / calls
    told = ", ".join(f"{name} {percent / calls:.3f}" for name, percent in threads)
    failed = level.sipp.failed if level.sipp else 0
    return (
        f"| {calls} | {each['sip']:.2f} | {told} | {each['model']:.2f} | "
        f"{each['sip'] + each['model']:.2f} | {stretch.percent['worker']:.1f} | {more_mb:.2f} | "
        f"{percentiles(level.spacing_ms)} | {percentiles(level.delays_ms)} | "
        f"{level.unanswered + failed} |"
    )


async def until_settled(installation: Installation) -> None:
    """A fresh installation renders its agents' lines for a while: wait for that to end."""
    pids = {name: installation.child_pid(name) for name in ("sip", "model")}
    async with asyncio.timeout(_SETTLED_S):
        while True:
            stretch = Stretch(pids, "sip")
            await asyncio.sleep(2)
            stretch.end()
            if max(stretch.percent.values()) < _AT_REST_PERCENT:
                return


async def levels(place: Site, counts: list[int], seconds: float) -> None:
    installation = place.installation
    await until_settled(installation)
    idle_stretch = Stretch({name: installation.child_pid(name) for name in _PROCESSES}, "sip")
    await asyncio.sleep(min(seconds, 10))
    idle_stretch.end()
    rest = ", ".join(f"{name} {idle_stretch.percent[name]:.1f} %" for name in _PROCESSES)
    print(f"\nAt rest, per cent of a core: {rest}\n")
    print(
        "| calls | edge, % a call | its threads, % a call | model, % a call | both | worker, % | "
        "edge MB a call | RTP spacing ms p50 / p95 / p99 / max | "
        f"end of speech → answer ms, {HANGOVER_MS} hangover in it, p50 / p95 / p99 / max | failed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for count in counts:
        print(level_row(await at_level(place, count, seconds), idle_stretch.rss_mb), flush=True)


def set_ups(place: Site, rates: list[float], seconds: float) -> None:
    print("\n| set-ups a second | answered | failed | sent again | INVITE → 200 ms |")
    print("|---|---|---|---|---|")
    for rate in rates:
        out = at_rate(place, rate, seconds)
        print(
            f"| {rate:g} | {out.succeeded} | {out.failed} | {out.retransmissions} | "
            f"{percentiles(out.setup_ms)} |",
            flush=True,
        )
        asyncio.run(until_idle(place.installation, 60))


def under_gil_holds(folder: Path, calls: int, seconds: float, hold_ms: int) -> None:
    """RTP spacing while Python in the edge stands still for ``hold_ms`` four times a second."""
    holds = Path(__file__).parent / "gil_holds"
    path = os.pathsep.join([os.fspath(holds), *filter(None, [os.environ.get("PYTHONPATH")])])
    with site(folder, PYTHONPATH=path, **{HOLD_MS: str(hold_ms)}) as place:
        level = asyncio.run(at_level(place, calls, seconds))
    print(f"\nRTP spacing with {calls} calls and GIL holds of {hold_ms} ms, four a second:")
    print(f"p50 / p95 / p99 / max ms: {percentiles(level.spacing_ms)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 10, 25, 50, 60, 100])
    parser.add_argument("--seconds", type=float, default=30.0, help="measured at each number")
    parser.add_argument("--setup-rates", type=float, nargs="*", default=[10, 25, 30])
    parser.add_argument("--gil-hold-ms", type=int, default=60, help="0: not measured")
    parser.add_argument("--gil-calls", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    settings = dict(entry.split("=", 1) for entry in options.set)
    print(f"machine: {machine()}\ncommit: {commit()}\ncommand: python -m benchmarks.load")
    version = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout
    print("callers:", next((line.strip() for line in version.splitlines() if line.strip()), "SIPp"))
    with tempfile.TemporaryDirectory(prefix="tl-load-") as scratch:
        if options.calls or options.setup_rates:
            with site(Path(scratch) / "levels", **settings) as place:
                asyncio.run(levels(place, options.calls, options.seconds))
                set_ups(place, options.setup_rates, 20)
        if options.gil_hold_ms:
            under_gil_holds(
                Path(scratch) / "held", options.gil_calls, options.seconds, options.gil_hold_ms
            )


if __name__ == "__main__":
    main()
