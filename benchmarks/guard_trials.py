"""Whether a blocked phrase is ever heard: trials judged from the RTP audio at the caller's socket.

    python -m benchmarks.guard_trials [--trials 1000] [--calls 8] [--seed 4] [--minutes 28]

A whole installation whose engine says, turn by turn, what it is told: fine sentences, and in most
turns a phrase among them that the guardrails block. Every phrase is rendered by the same voice and
looked for in what came over RTP. In control calls the guardrails are off: there the same search
must find the phrases, or it proves nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from numpy.typing import NDArray
from tests.peers.conversation.sound import Sound
from tests.peers.drivers.installation import Installation, running

from benchmarks.guard_figures import Figures, Heard, Trial, judge, judge_open
from benchmarks.guard_sentences import FINE, blocked_phrases
from benchmarks.machine import commit, machine, table
from benchmarks.rtp_caller import SPEECH_DBFS, RtpCaller
from trunkline.audio.g711 import ulaw_to_pcm
from trunkline.calls.speech_source import HttpSpeech, SpokenLine
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError
from trunkline.flows.guard.rules import REFUSAL
from trunkline.flows.guard.shelf import shipped_shelf

RATE: Final = 8000
VOICE: Final = "alloy"
GUARDED, OPEN = "600", "601"
TURNS_A_CALL: Final = 12
_QUIET_S: Final = 1.0
_LONGEST_TURN_S: Final = 25.0
_RENDERINGS: Final = 8
_CONTROLS: Final = 0.1
_FINE_ONLY: Final = 0.2

_AGENT: Final = """\
agent: {{name: {name}, display_name: Trials, voice: {voice}}}
start: hello
guardrails: {guardrails}
policies:
  no_input: {{after_ms: 60000}}
  no_match: {{then: {{goto: again}}}}
  max_fallbacks: 10
steps:
  hello: {{say: Hello., next: again}}
  again:
    say: Go on.
    listen: {{intents: [bye]}}
  bye: {{say: Goodbye., hang_up: done}}
intents:
  bye: {{label: the end, description: The caller hangs up., examples: [goodbye], goto: bye}}
"""


def make_trials(count: int, seed: int) -> list[Trial]:
    """``count`` with a phrase, and as many more of fine speech as FINE_ONLY says."""
    dice = random.Random(seed)
    phrases = blocked_phrases(shipped_shelf())
    trials = []
    for number in range(count + round(count * _FINE_ONLY)):
        before, after, other = dice.sample(FINE, 3)
        phrase = dice.choice(phrases) if number < count else ""
        shape = dice.randrange(4)
        if not phrase:
            trials.append(Trial(before, "", f"{other} {after}"))
        else:
            trials.append(Trial("" if shape == 0 else before, phrase, "" if shape == 1 else after))
    dice.shuffle(trials)
    return trials


@contextmanager
def house(folder: Path, trials: list[Trial]) -> Iterator[Installation]:
    """An installation with a guarded agent and an open one, whose engine says the trials' texts.

    What the engine is told comes by way of the caller's transcript, so that nothing judges that.
    """
    agents = folder / "agents"
    agents.mkdir(parents=True)
    categories = sorted(shipped_shelf().packs.categories)
    deaf = "{categories: {" + ", ".join(f"{name}: {{input: off}}" for name in categories) + "}}"
    rules = {"trials": deaf, "trials_open": "{packs: []}"}
    for name, guardrails in rules.items():
        text = _AGENT.format(name=name, voice=VOICE, guardrails=guardrails)
        (agents / f"{name}.yaml").write_text(text)
    script = {
        "is_shared": True,
        "speech": {"kind": "speech"},
        "transcripts": [{"text": one.text, "partials": False} for one in trials],
        "replies": [{"text": "{last}"}],
    }
    (folder / "script.json").write_text(json.dumps(script))
    numbers = [
        {"number": GUARDED, "agent": "trials", "trunk": "local"},
        {"number": OPEN, "agent": "trials_open", "trunk": "local"},
    ]
    with running(
        folder / "var",
        TRUNKLINE_ENGINE=f"scripted:{folder / 'script.json'}",
        TRUNKLINE_AGENTS_DIR=str(agents),
        TRUNKLINE_NUMBERS=json.dumps(numbers),
    ) as installation:
        yield installation


async def hold_call(
    installation: Installation, number: str, user: str, turns: int, prompt: NDArray[np.int16]
) -> list[Heard]:
    """Speak ``turns`` times, and keep what is answered each time."""
    heard: list[Heard] = []
    async with RtpCaller("127.0.0.1", installation.sip_port, number, user) as caller:
        await caller.invite()
        await _quiet(caller, after=time.perf_counter())
        for _ in range(turns):
            if caller.over.is_set():
                break
            await caller.speak(prompt)
            await caller.spoken()
            ended_at = time.perf_counter()
            await _quiet(caller, after=ended_at)
            packets = [one for one in caller.packets if one.at >= ended_at]
            pcm = b"".join(ulaw_to_pcm(one.payload) for one in packets)
            loud = next((one.at for one in packets if one.dbfs > SPEECH_DBFS), None)
            first_ms = None if loud is None else (loud - ended_at) * 1000
            heard.append(Heard(Sound(np.frombuffer(pcm, "<i2"), RATE), first_ms))
    return heard


async def _quiet(caller: RtpCaller, *, after: float) -> None:
    """Until the agent has spoken and is quiet again; also when it never speaks."""
    deadline = after + _LONGEST_TURN_S
    place, last_loud = len(caller.packets), None
    while time.perf_counter() < deadline and not caller.over.is_set():
        await asyncio.sleep(0.1)
        for packet in caller.packets[place:]:
            if packet.dbfs > SPEECH_DBFS and packet.at > after:
                last_loud = packet.at
        place = len(caller.packets)
        if last_loud is not None and time.perf_counter() - last_loud > _QUIET_S:
            return


async def spoken_texts(installation: Installation, user: str) -> list[str]:
    """What the caller was understood to say, turn by turn: the trials that this call had."""
    async with httpx.AsyncClient(
        base_url=installation.api,
        headers={"authorization": f"Bearer {installation.api_key}"},
        timeout=20,
        trust_env=False,
    ) as client:
        async with asyncio.timeout(20):
            while True:
                found = (await client.get("/calls", params={"number": user})).json()
                calls = [one for one in found["calls"] if one["caller_number"] == user]
                if calls and calls[0]["state"] == "ended":
                    break
                await asyncio.sleep(0.2)
        detail = (await client.get(f"/calls/{calls[0]['call_id']}")).json()
    return [
        turn["text"]
        for turn in detail["turns"]
        if turn["speaker"] == "caller" and turn["kind"] == "speech"
    ]


class Voice:
    """Renders texts as the engine says them, and cuts parts out by their word times."""

    def __init__(self, speech: HttpSpeech) -> None:
        self._speech = speech

    async def parts(self, trial: Trial) -> dict[str, Sound]:
        """Rendered anew when the server, which the calls keep busy, is too slow."""
        for _ in range(_RENDERINGS):
            try:
                return await self._rendered(trial)
            except EngineError:
                await asyncio.sleep(1)
        return await self._rendered(trial)

    async def _rendered(self, trial: Trial) -> dict[str, Sound]:
        pcm, marks = bytearray(), list[WordMark]()
        line = SpokenLine(trial.text, VOICE, 1.0, "en", "trunkline-tts", RATE)
        async for piece in self._speech.speak(line):
            pcm += piece.pcm
            marks += piece.marks
        whole = Sound(np.frombuffer(bytes(pcm), "<i2"), RATE)
        found, place = {}, 0
        for name in ("before", "phrase", "after"):
            words = len(getattr(trial, name).split())
            if words:
                last = min(place + words, len(marks)) - 1
                found[name] = whole.between(marks[place].start_ms / 1000, marks[last].end_ms / 1000)
                place += words
        return found


def _lines() -> list[str]:
    """Whatever an agent may say in place of what it must not."""
    categories = shipped_shelf().packs.categories.values()
    found = {one.line for each in categories for one in each.responses.values() if one.line}
    return sorted({*found, REFUSAL})


async def measure(
    installation: Installation,
    trials: list[Trial],
    *,
    calls: int,
    turns: int = TURNS_A_CALL,
    most_s: float = float("inf"),
) -> Figures:
    """Every trial once, ``calls`` at a time; one call in ten is one that nothing guards.

    No call is begun after ``most_s``.
    """
    began = time.monotonic()
    figures, by_text = Figures(), {one.text: one for one in trials}
    left, made = len(trials), 0
    async with httpx.AsyncClient(trust_env=False) as http:
        speech = HttpSpeech(
            http, f"http://127.0.0.1:{installation.model_port}/v1", installation.api_key
        )
        voice = Voice(speech)
        prompt = (await voice.parts(Trial("Next one please.", "", "")))["before"].samples
        lines = [(await voice.parts(Trial(line, "", "")))["before"] for line in _lines()]

        async def caller() -> None:
            nonlocal left, made
            while left > 0 and time.monotonic() - began < most_s:
                wanted, number = min(turns, left), made
                left, made = left - wanted, made + 1
                is_open = number % round(1 / _CONTROLS) == 1
                user = f"t{number:04d}"
                try:
                    heard = await hold_call(
                        installation, OPEN if is_open else GUARDED, user, wanted, prompt
                    )
                    texts = await spoken_texts(installation, user)
                except (TimeoutError, RuntimeError, httpx.HTTPError):  # refused, or overloaded
                    figures.lost += wanted
                    continue
                if len(texts) != len(heard):  # a turn was cut in two: nobody knows which is which
                    figures.lost += wanted
                    continue
                figures.lost += wanted - len(heard)
                for text, one in zip(texts, heard, strict=True):
                    trial = by_text.get(text)
                    if trial is None or not len(one.sound.samples):
                        figures.lost += 1
                        continue
                    parts = await voice.parts(trial)
                    if is_open:
                        await asyncio.to_thread(judge_open, trial, one, parts, figures)
                    else:
                        await asyncio.to_thread(judge, trial, one, parts, lines, figures)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(calls):
                tasks.create_task(caller())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="with a phrase to block")
    parser.add_argument("--calls", type=int, default=8, help="at once")
    parser.add_argument("--minutes", type=float, default=28, help="no call is begun after them")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--like", nargs="*", default=[], help="only trials with one of these words")
    options = parser.parse_args()
    trials = make_trials(options.trials, options.seed)
    if options.like:
        trials = [one for one in trials if any(word in one.text for word in options.like)]
    print(f"machine: {machine()}\ncommit: {commit()}")
    print(f"command: python -m benchmarks.guard_trials --trials {options.trials}")
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="tl-guard-") as scratch,
        house(Path(scratch), trials) as installation,
    ):
        figures = asyncio.run(
            measure(installation, trials, calls=options.calls, most_s=options.minutes * 60)
        )
    table("Guardrails in calls, from RTP audio", figures.rows())
    for suspect in figures.suspects:
        print(f"  {suspect}")
    print(f"\n{time.monotonic() - began:.0f} s")
    if figures.heard or figures.controls_missed or not figures.controls:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
