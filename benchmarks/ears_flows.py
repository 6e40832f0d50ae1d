"""Every value that the shipped flows ask for, asked of many callers: ``python -m
benchmarks.ears_flows [--voices held-out]``.

The tools are what each flow's step really compiles to. A caller answers in natural words, in other
words when asked again; of a value that is read back they say truthfully "yes" or "no, it's ...".
Right means acted on rightly after at most one such exchange. Part of the development set: settings
are chosen with it, without the held-out voices.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.ears import collecting, slot
from benchmarks.ears_answers import AGREES, DENIES, Answer, answers_of
from benchmarks.ears_development import LINES, TODAY, Ears
from benchmarks.ears_lines import NOISES, VOICES, Voice, on_the_line
from trunkline.domain.events import Json
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.flows.compile import configure
from trunkline.flows.steps import CollectStep
from trunkline.model.cascade.dialogue_state import CallTool, Mode, State
from trunkline.model.cascade.planner import Plan, Planner
from trunkline.model.engine import HistoryItem, ItemRole

# What the flows' own tools would have found by then.
_FOUND: Final[Mapping[str, Json]] = {
    "today": TODAY.isoformat(),
    "free": {
        "date": "2026-11-24", "doctor_name": "Doctor Patel", "doctor": "patel", "count": 3,
        "first": "09:30", "second": "11:00", "third": "15:15", "is_asked_day": True,
    },
    "appointment": {"date": "2026-11-24", "doctor_name": "Doctor Patel", "time": "09:30"},
    "first_name": "Sarah", "made": {"amount": "20.00"},
}  # fmt: skip
RIGHT: Final = ("at once", "confirmed", "corrected", "asked again")
OUTCOMES: Final = (*RIGHT, "two exchanges", "not taken", "yes lost", "no lost", "wrong after",
                   "wrong")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One slot of one step, with the functions that the engine is given there."""

    name: str
    slot: str
    kind: str
    notes: Mapping[str, Json]
    tools: tuple[Mapping[str, Json], ...]


def questions() -> list[Question]:
    """Of every shipped flow, those that sound alike but once; and a code, which none asks for."""
    catalog = FlowCatalog([SHIPPED_AGENTS], {})
    catalog.load()
    found: dict[str, Question] = {}
    for flow in catalog.flows():
        for step in flow.steps.values():
            if not isinstance(step, CollectStep):
                continue
            filled: list[str] = []
            for each in step.slots:
                variables = {**flow.variables, **_FOUND}
                tools = tuple(configure(flow, step, variables, filled).tools)
                filled.append(each.name)
                parameters: Any = tools[0]["parameters"]
                notes = parameters["properties"][each.name]["x-trunkline"]
                question = Question(
                    f"{flow.agent.name}.{step.name}.{each.name}", each.name, each.kind, notes, tools
                )
                found.setdefault(repr((notes, len(tools))), question)
    asked = slot("code", "booking reference", min_length=6, max_length=6)
    tools = (collecting(reference=asked), *list(found.values())[0].tools[1:])
    code = Question("a code", "reference", "code", asked["x-trunkline"], tools)
    return [*found.values(), code]


def settled(plan: Plan, slot: str) -> tuple[bool, Json]:
    """Whether the call acts on a value of the slot (or on another wish), and on which."""
    if isinstance(plan.move, CallTool):
        return True, plan.move.arguments.get(slot, plan.move.name)
    heard = plan.after.heard
    return slot in heard, heard.get(slot)


@dataclass
class Caller:
    question: Question
    answer: Answer
    ears: Ears
    voice: Voice
    line: str
    noise: str
    seed: int
    history: list[HistoryItem] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def outcome(self) -> str:
        chance = random.Random(self.seed)
        self._planner = Planner(self.question.tools, TODAY)
        plan = self._planner.plan((), "auto")
        plan = self._say(plan, self.answer.first)
        done, value = settled(plan, self.question.slot)
        if done:
            return "at once" if value == self.answer.value else "wrong"
        state = plan.after
        if state.mode is Mode.CONFIRMING and self._is_ours(state):
            is_right = self._same(state.value)
            said = chance.choice(AGREES if is_right else DENIES).format(self.answer.again)
            done, value = settled(self._say(plan, said), self.question.slot)
            if is_right:
                return "confirmed" if done and value == self.answer.value else "yes lost"
            if done:
                return "corrected" if value == self.answer.value else "no lost"
            return "two exchanges"
        if state.mode is Mode.OFFERING:
            return "not taken"
        again = self._say(plan, self.answer.again)
        done, value = settled(again, self.question.slot)
        if done:
            return "asked again" if value == self.answer.value else "wrong after"
        is_read_back = again.after.mode is Mode.CONFIRMING and self._is_ours(again.after)
        return "two exchanges" if is_read_back and self._same(again.after.value) else "not taken"

    def _is_ours(self, state: State) -> bool:
        return state.slot is not None and state.slot.name == self.question.slot

    def _same(self, value: Json) -> bool:
        return bool(value == self.answer.value)

    def _say(self, plan: Plan, text: str) -> Plan:
        self.seed += 1000
        asked = getattr(plan.move, "text", "")
        self.history.append(HistoryItem("a", ItemRole.ASSISTANT, asked))
        audio = on_the_line(text, self.voice, LINES[self.line], self.noise, self.seed)
        state = plan.after
        heard = self.ears.hear(
            self.question.tools, state.focus, lambda w: self._planner.meaning(state, w), audio
        )
        self.log.append(f"{text!r} > {heard.heard.text!r} {heard.confidence:.2f}")
        said = HistoryItem("u", ItemRole.USER, heard.heard.text, confidence=heard.confidence)
        self.history.append(said)
        return self._planner.plan(self.history, "auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", default="strangers")
    parser.add_argument("--lines", default="clean,20 dB")
    parser.add_argument("--kinds", default="time,date,digits,amount,name,email,code")
    parser.add_argument("--each", type=int, default=3, help="answers to a question")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tell", action="store_true", help="a line for every trial")
    options = parser.parse_args()
    chosen = VOICES[options.voices]
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    by_voice: dict[str, list[bool]] = defaultdict(list)
    began, number = time.process_time(), 0
    with tempfile.TemporaryDirectory(prefix="ears-") as directory:
        ears = Ears(Path(directory))
        for question in questions():
            if question.kind not in options.kinds.split(","):
                continue
            drawn = answers_of(
                question.kind, question.notes, options.each, options.seed * 1000 + number, TODAY
            )
            for answer in drawn:
                for place, line in enumerate(options.lines.split(",")):
                    voice = chosen[(number * 7 + place * 3) % len(chosen)]
                    noise = NOISES[(number + place) % len(NOISES)]
                    ears.new_call()
                    seed = number + place * 131
                    caller = Caller(question, answer, ears, voice, line, noise, seed)
                    outcome = caller.outcome()
                    counts[line, question.kind][outcome] += 1
                    by_voice[voice.name].append(outcome in RIGHT)
                    if options.tell:
                        where = f"{line:5} {voice.name:16} {question.name}"
                        print(f"{outcome:13} {where} {answer.value}: {caller.log}", flush=True)
                number += 1
    report(counts, by_voice)
    print(f"\nprocessor {time.process_time() - began:.0f} s for {number} answers")


def report(
    counts: Mapping[tuple[str, str], Counter[str]], by_voice: Mapping[str, Sequence[bool]]
) -> None:
    print(f"\n| line | kind | n | right | {' | '.join(OUTCOMES)} |")
    print(f"|{'---|' * (len(OUTCOMES) + 4)}")
    for line in dict.fromkeys(line for line, _ in counts):
        total: Counter[str] = Counter()
        for (on, kind), outcomes in sorted(counts.items()):
            if on == line:
                total += outcomes
                print(_row(line, kind, outcomes))
        print(_row(line, "all", total))
    shares = ", ".join(f"{name} {sum(ok)}/{len(ok)}" for name, ok in sorted(by_voice.items()))
    print(f"\nby voice: {shares}")


def _row(line: str, kind: str, outcomes: Counter[str]) -> str:
    right = 100 * sum(outcomes[each] for each in RIGHT) / outcomes.total()
    cells = " | ".join(str(outcomes[each] or "") for each in OUTCOMES)
    return f"| {line} | {kind} | {outcomes.total()} | {right:.0f} % | {cells} |"


if __name__ == "__main__":
    main()
