"""The ears' development set: ``python -m benchmarks.ears_development [--voices held-out]``.

What the default engine's settings are chosen with, and only with: the frozen set's sentences and
voices are not here. Each sentence is spoken on a G.711 line, clean and with noise, and decoded by
the recogniser process's own code in this one; the planner acts on what was heard. A caller who is
asked to confirm answers yes or no by voice, one who is asked again says the same again. Right
means acted on rightly after at most one such exchange.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.ears import Task
from benchmarks.ears_lines import NOISES, VOICES, Voice, on_the_line, seconds
from benchmarks.ears_phrases import development_tasks
from trunkline.domain.events import Json
from trunkline.model.cascade.asr_worker import Recogniser
from trunkline.model.cascade.dialogue_state import CallTool, Mode, State
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.hearings import judgement_of
from trunkline.model.cascade.planner import Plan, Planner
from trunkline.model.cascade.triage import Judgement, Meaning
from trunkline.model.engine import HistoryItem, ItemRole

TODAY: Final = date(2026, 11, 21)  # a Saturday
LINES: Final[Mapping[str, float | None]] = {"clean": None, "20 dB": 20.0, "10 dB": 10.0}
_FRAME_BYTES: Final = 640


class Ears:
    """The recogniser of one call, in this process."""

    def __init__(self, directory: Path) -> None:
        self._answers: list[dict[str, Any]] = []
        self._recogniser = Recogniser(directory, self._answers.append)
        self._mean = ""

    def new_call(self) -> None:
        self._mean = ""

    def hear(
        self, tools: Sequence[Mapping[str, Json]], focus: str, meaning: Meaning, audio: bytes
    ) -> Judgement:
        final = self.final_of(tools, focus, audio)
        if final["type"] == "failed":  # open speech: the general model's, which is measured nowhere
            return Judgement(Heard(), 0.0, is_rejected=True)
        judgement = judgement_of(final, meaning)
        if judgement.heard.text:
            self._mean = final["cmn"]
        return judgement

    def final_of(
        self, tools: Sequence[Mapping[str, Json]], focus: str, audio: bytes
    ) -> dict[str, Any]:
        """What the recogniser process answers at the end of the turn."""
        profile = {"profile": repr(tools), "tools": tools, "prompt": "", "keywords": []}
        self._recogniser.handle(
            {"type": "begin", "turn": 1, "focus": focus, "band": "narrow", "cmn": self._mean}
            | profile
        )
        for start in range(0, len(audio), _FRAME_BYTES):
            pcm = audio[start : start + _FRAME_BYTES]
            self._recogniser.handle({"type": "audio", "turn": 1, "pcm": pcm})
        self._recogniser.handle({"type": "end", "turn": 1})
        final = self._answers[-1]
        self._answers.clear()
        return final


@dataclass
class Caller:
    """One call of one task: what is said, and what came of it."""

    task: Task
    ears: Ears
    voice: Voice
    snr_db: float | None
    noise: str
    seed: int
    history: list[HistoryItem] = field(default_factory=list)
    said_s: float = 0.0
    log: list[str] = field(default_factory=list)

    def outcome(self) -> str:
        planner = Planner(self.task.tools, TODAY)
        state = planner.expected()
        first = planner.plan((), "auto")
        self._agent(first)
        plan = self._say(planner, first.after if first.after.slot else state, self.task.said)
        meant = self._meant(plan)
        if meant is not None:
            return "right at once" if meant == self.task.expected else "wrong at once"
        if plan.after.mode in (Mode.CONFIRMING, Mode.OFFERING):
            is_right = self._proposed(plan) == self.task.expected
            self._agent(plan)
            after = self._say(planner, plan.after, "yes" if is_right else "no that's wrong")
            meant = self._meant(after)
            if is_right:
                return "right, confirmed" if meant == self.task.expected else "yes not taken"
            return "wrong, refused" if meant is None else "no not taken"
        if self.task.expected is None:
            return "asked again"
        self._agent(plan)
        again = self._say(planner, plan.after, self.task.said)
        meant = self._meant(again)
        if meant is not None:
            return "right, asked again" if meant == self.task.expected else "wrong, asked again"
        if again.after.mode in (Mode.CONFIRMING, Mode.OFFERING):
            is_right = self._proposed(again) == self.task.expected
            return "two exchanges" if is_right else "asked again"
        return "asked again"

    def _agent(self, plan: Plan) -> None:
        text = getattr(plan.move, "text", "")
        self.history.append(HistoryItem("a", ItemRole.ASSISTANT, text))

    def _say(self, planner: Planner, state: State, text: str) -> Plan:
        self.seed += 1000
        audio = on_the_line(text, self.voice, self.snr_db, self.noise, self.seed)
        self.said_s += seconds(audio)
        heard = self.ears.hear(
            self.task.tools, state.focus, lambda words: planner.meaning(state, words), audio
        )
        self.log.append(f"{heard.heard.text!r} {heard.confidence:.2f}")
        self.history.append(
            HistoryItem("u", ItemRole.USER, heard.heard.text, confidence=heard.confidence)
        )
        return planner.plan(self.history, "auto")

    @staticmethod
    def _meant(plan: Plan) -> Json:
        if not isinstance(plan.move, CallTool):
            return None
        return dict(plan.move.arguments) or plan.move.name

    @staticmethod
    def _proposed(plan: Plan) -> Json:
        state = plan.after
        return {"v": state.value} if state.mode is Mode.CONFIRMING else state.wish


@dataclass(frozen=True, slots=True)
class Trial:
    line: str
    group: str
    outcome: str
    said_s: float
    processor_s: float
    told: str


RIGHT: Final = ("right at once", "right, confirmed", "right, asked again")
OUTCOMES: Final = (*RIGHT, "two exchanges", "asked again", "wrong, refused", "yes not taken",
                   "no not taken", "wrong, asked again", "wrong at once")  # fmt: skip


def trials(part: int, of: int, who: str, lines: Sequence[str], stride: int) -> list[Trial]:
    found = []
    chosen = VOICES[who]
    with tempfile.TemporaryDirectory(prefix="ears-") as directory:
        ears = Ears(Path(directory))
        for number, task in enumerate(development_tasks()):
            if number % of != part or (number // of) % stride:
                continue
            for place, line in enumerate(lines):
                voice = chosen[(number * 5 + place * 3) % len(chosen)]
                noise = NOISES[(number + place) % len(NOISES)]
                ears.new_call()
                caller = Caller(task, ears, voice, LINES[line], noise, number + place * 131)
                began = time.process_time()
                outcome = caller.outcome()
                spent = time.process_time() - began
                told = f"{line:6} {voice.name:10} {noise:6} {task.said!r}: {outcome}: {caller.log}"
                found.append(Trial(line, task.group, outcome, caller.said_s, spent, told))
    return found


def report(found: Sequence[Trial], lines: Sequence[str], *, is_wordy: bool) -> None:
    if is_wordy:
        for trial in found:
            print(trial.told)
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for trial in found:
        counts[trial.line, trial.group][trial.outcome] += 1
    print(f"| line | turn | n | {' | '.join(OUTCOMES)} |\n|---|---|---|{'---|' * len(OUTCOMES)}")
    for line, group in sorted(counts):
        cells = " | ".join(str(counts[line, group][each] or "") for each in OUTCOMES)
        print(f"| {line} | {group} | {counts[line, group].total()} | {cells} |")
    print(
        "\n| line | turns | right at once | right after at most one exchange | wrong acted on "
        "| chatter | acted on unasked | taken for something |\n|---|---|---|---|---|---|---|---|"
    )
    for line in lines:
        print(_summary(line, [trial for trial in found if trial.line == line]))
    said, spent = sum(t.said_s for t in found), sum(t.processor_s for t in found)
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"\nprocessor time {spent / said:.3f} of real time, {1000 * spent / len(found):.0f} ms a "
        f"trial of {said / len(found):.1f} s (rendering included); largest process {peak_mb:.0f} MB"
    )


def _summary(line: str, found: Sequence[Trial]) -> str:
    speech = [t for t in found if not t.group.startswith("chatter")]
    chatter = [t for t in found if t.group.startswith("chatter")]

    def share(part: Iterator[bool], whole: Sequence[Trial]) -> str:
        count = sum(part)
        return f"{count} ({100 * count / max(len(whole), 1):.0f} %)"

    return " | ".join((
        f"| {line}", str(len(speech)),
        share((t.outcome == RIGHT[0] for t in speech), speech),
        share((t.outcome in RIGHT for t in speech), speech),
        share((t.outcome in OUTCOMES[-3:] for t in speech), speech),
        str(len(chatter)),
        share((t.outcome == "wrong at once" for t in chatter), chatter),
        share((t.outcome != "asked again" for t in chatter), chatter) + " |",
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", choices=tuple(VOICES), default="tuned")
    parser.add_argument("--lines", default="clean,20 dB,10 dB")
    parser.add_argument("--every", type=int, default=1, help="only every so manieth sentence")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tell", action="store_true", help="a line for every trial")
    options = parser.parse_args()
    lines = options.lines.split(",")
    shares = [
        (part, options.processes, options.voices, lines, options.every)
        for part in range(options.processes)
    ]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        found = [trial for share in pool.starmap(trials, shares) for trial in share]
    report(found, lines, is_wordy=options.tell)


if __name__ == "__main__":
    main()
