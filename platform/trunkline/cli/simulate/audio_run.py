"""Simulations in audio: real SIP calls with synthesised callers, several side by side."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import httpx
import orjson

from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import HttpSpeech
from trunkline.cli.simulate.audio_caller import AudioCaller
from trunkline.cli.simulate.audio_edge import SIMULATION_HEADER
from trunkline.cli.simulate.audio_house import AudioHouse, audio_house
from trunkline.cli.simulate.audio_phones import PHONE, Phones
from trunkline.cli.simulate.audio_voice import CallerSounds, render_caller
from trunkline.cli.simulate.judge import Finding, judge
from trunkline.cli.simulate.observed import Observed, observe
from trunkline.cli.simulate.result import SimulationResult
from trunkline.cli.simulate.simulation import Simulation
from trunkline.domain.errors import TrunklineError
from trunkline.domain.leg import Leg
from trunkline.domain.trunk import normalise_number
from trunkline.flows.flow import Flow
from trunkline.runtime.settings import Settings
from trunkline.sip.config import CODECS, EndpointConfig
from trunkline.sip.endpoint import Endpoint

LONGEST_CALL_S: Final = 600.0
_LOG_S: Final = 20.0
_CALL_OVER: Final = b'"fact":"call_ended"'


def calls_at_once() -> int:
    """Side by side by default: one a core and one more, at most six (each costs a fifth)."""
    return max(2, min(6, 1 + (os.cpu_count() or 1)))


@dataclass(frozen=True, slots=True)
class AudioOptions:
    """``seed`` None: each file's own; ``keep``: where recordings and logs are left."""

    seed: int | None = None
    at_once: int = 1
    keep: Path | None = None


def codec_of(simulation: Simulation) -> str:
    wanted = simulation.line.codec.lower()
    return next(codec for codec in CODECS if codec.split("/")[0].lower() == wanted)


def rate_of(codec: str) -> int:
    return 8000 if codec.startswith("PCM") else 24000


async def run_in_audio(
    simulations: Sequence[Simulation],
    flows: dict[str, Flow],
    settings: Settings,
    options: AudioOptions,
    *,
    agents_dir: Path | None = None,
) -> list[SimulationResult]:
    """Hold every call and judge it; results in the order of the simulations."""
    rates = sorted({rate_of(codec_of(one)) for one in simulations})
    with tempfile.TemporaryDirectory(prefix="tl-audio-") as directory:
        async with (
            audio_house(
                settings, simulations, Path(directory), agents_dir=agents_dir, rates_hz=rates
            ) as house,
            _studio(settings, house) as cache,
        ):
            suite = _Suite(house, cache, flows, options)
            return await suite.hold(simulations)


@asynccontextmanager
async def _studio(settings: Settings, house: AudioHouse) -> AsyncIterator[SpeechCache]:
    async with httpx.AsyncClient(trust_env=False) as http:
        speech = HttpSpeech(http, house.model_url, house.api_key)
        yield SpeechCache(settings.rendered_lines_dir, speech)


class _Suite:
    def __init__(
        self, house: AudioHouse, cache: SpeechCache, flows: dict[str, Flow], options: AudioOptions
    ) -> None:
        self._house = house
        self._cache = cache
        self._flows = flows
        self._options = options
        self._results: dict[int, SimulationResult] = {}

    async def hold(self, simulations: Sequence[Simulation]) -> list[SimulationResult]:
        """One endpoint for all that speak a codec; a process can have only one at a time."""
        numbered = sorted(enumerate(simulations), key=lambda one: codec_of(one[1]))
        for codec, group in groupby(numbered, key=lambda one: codec_of(one[1])):
            # Taken from the end: the longest first, so that none is left to run alone.
            waiting = sorted(group, key=lambda one: len(one[1].turns))
            sounds = {
                number: await render_caller(
                    simulation, self._cache, rate_of(codec), self._options.seed
                )
                for number, simulation in waiting
            }
            phones = Phones()
            async with (
                Endpoint(
                    EndpointConfig(codecs=(codec,)), reception=phones.reception
                ).running() as endpoint,
                asyncio.TaskGroup() as tasks,
            ):
                for place in range(self._options.at_once):
                    work = self._hold_from(waiting, endpoint, phones, sounds)
                    tasks.create_task(work, name=f"caller-{place}")
        return [self._results[number] for number in range(len(simulations))]

    async def _hold_from(
        self,
        waiting: list[tuple[int, Simulation]],
        endpoint: Endpoint,
        phones: Phones,
        sounds: dict[int, CallerSounds],
    ) -> None:
        while waiting:
            number, simulation = waiting.pop()
            result = await self._hold(number, simulation, endpoint, phones, sounds[number])
            self._results[number] = result

    async def _hold(
        self,
        number: int,
        simulation: Simulation,
        endpoint: Endpoint,
        phones: Phones,
        sounds: CallerSounds,
    ) -> SimulationResult:
        began = time.monotonic()
        caller: AudioCaller | None = None
        problem = ""
        try:
            async with asyncio.timeout(LONGEST_CALL_S):
                leg = await self._connect(number, simulation, endpoint, phones, sounds.rate_hz)
                caller = AudioCaller(simulation, leg, sounds, lambda: number in self._house.busy)
                await caller.run()
        except TimeoutError:
            problem = f"the call was not over after {LONGEST_CALL_S:.0f} s"
        except TrunklineError as exc:
            problem = f"the call could not be held: {exc.message}"
        problem = problem or _what_went_wrong(simulation, caller)
        done = [] if caller is None else caller.done
        seen = await _seen(self._house.call_dir(number), wants_end=not problem)
        findings = judge(simulation, self._flows, done, seen)
        if problem:
            findings.insert(0, Finding(1, problem))
        given = self._options.seed
        result = SimulationResult(
            simulation,
            "audio",
            findings,
            seen,
            time.monotonic() - began,
            list(done),
            seed=simulation.seed if given is None else given,
        )
        if self._options.keep is not None:
            result.kept = _keep(self._house.call_dir(number), self._options.keep, simulation)
        return result

    async def _connect(
        self,
        number: int,
        simulation: Simulation,
        endpoint: Endpoint,
        phones: Phones,
        rate_hz: int,
    ) -> Leg:
        """The caller's own leg: placed, or ringing because the edge was told to call."""
        if simulation.outbound is None:
            called = normalise_number(simulation.called_number)
            uri = f"sip:{called}@127.0.0.1:{self._house.sip_port}"
            headers = {SIMULATION_HEADER: str(number)}
            return await endpoint.place(uri, sample_rate_hz=rate_hz, headers=headers)
        await self._house.dial(number, f"sip:{PHONE}@127.0.0.1:{endpoint.sip_port}", rate_hz)
        return await phones.rings(number)


def _what_went_wrong(simulation: Simulation, caller: AudioCaller | None) -> str:
    """Of the call itself, before anything that was expected of it; empty for nothing."""
    if caller is None:
        return "there was no call"
    if caller.is_stalled:
        return "the caller's side stood still: no media came for minutes"
    is_to_be_answered = simulation.outbound is None or simulation.outbound.answers.answers
    if is_to_be_answered and not caller.is_answered:
        return f"the call was not answered (SIP {caller.sip_status})"
    return ""


async def _seen(call_dir: Path, *, wants_end: bool) -> Observed:
    """The call's event log, once its last fact is written; what there is of it after a while."""
    deadline = time.monotonic() + (_LOG_S if wants_end else 1.0)
    lines: list[bytes] = []
    while time.monotonic() < deadline:
        lines = _log_lines(call_dir)
        if any(_CALL_OVER in line for line in lines):
            break
        await asyncio.sleep(0.05)
    return observe(orjson.loads(line) for line in lines if line.endswith(b"}"))


def _log_lines(call_dir: Path) -> list[bytes]:
    logs = sorted(call_dir.rglob("*.jsonl"))
    return [line for log in logs for line in log.read_bytes().split(b"\n")]


def _keep(call_dir: Path, directory: Path, simulation: Simulation) -> Path:
    """Recording and event log under the simulation's own name."""
    kept = directory / simulation.agent
    kept.mkdir(parents=True, exist_ok=True)
    for found in call_dir.rglob("*"):
        if found.suffix in (".wav", ".jsonl"):
            shutil.copyfile(found, kept / f"{simulation.name}{found.suffix}")
    return kept
