"""Yes and no, choices, wishes, read-backs and strangers' talk at every step of the shipped flows:
``python -m benchmarks.ears_strangers [--voices strangers-held-out] [--kinds yes_no,stranger]``.

Part of the ears' development set (``ears_flows`` has the values). Every other sentence is held out
(``--half 1``). What the recogniser hears is kept on disk under a hash of all that it depends on, so
that what is made of it can be tried again at once.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import ears_replies as replies
from benchmarks.ears_development import TODAY, Ears
from benchmarks.ears_flows import _FOUND, questions, settled
from benchmarks.ears_lines import NOISES, VOICES, Voice, on_the_line
from benchmarks.ears_no_answers import NO_ANSWERS
from trunkline.domain.events import Json
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.flows.compile import INTENT_PREFIX, configure
from trunkline.model.cascade import hearings
from trunkline.model.cascade.dialogue_state import Mode, State
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.planner import Plan, Planner
from trunkline.model.cascade.triage import Judgement, Meaning
from trunkline.model.engine import HistoryItem, ItemRole

_SNR_DB: Final = 20.0
_HEARD_BY: Final = ("acoustics", "asr_worker", "automaton", "carriers", "decoders", "expectations",
                    "g2p", "language_model", "lexicon", "line_noise", "slot_grammars",
                    "everyday", "ngrams", "fuller_answers")  # fmt: skip
RIGHT: Final = ("at once", "confirmed", "corrected", "asked again")
OUTCOMES: Final = (
    *RIGHT,
    "two exchanges",
    "not taken",
    "yes lost",
    "no lost",
    "wrong after",
    "wrong",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """``value``: the slot's, or the function's name; None where nothing may be acted on: what is
    asked about there counts among the two exchanges."""

    kind: str
    where: str
    tools: tuple[Mapping[str, Json], ...]
    slot: str
    first: str
    again: str
    value: Json
    read_back: str = ""  # what is told beforehand, to be read back


class KeptEars(Ears):
    """Ears that remember what they heard."""

    def __init__(self, directory: Path, keep: Path) -> None:
        super().__init__(directory)
        keep.mkdir(exist_ok=True)
        self._keep = keep
        source = Path(hearings.__file__).parent
        digest = hashlib.sha256()
        for name in _HEARD_BY:
            path = source / f"{name}.py"
            digest.update(path.read_bytes() if path.exists() else b"")
        self._digest = digest

    def hear(
        self, tools: Sequence[Mapping[str, Json]], focus: str, meaning: Meaning, audio: bytes
    ) -> Judgement:
        digest = self._digest.copy()
        digest.update(repr((tools, focus, self._mean)).encode() + audio)
        kept = self._keep / f"{digest.hexdigest()[:24]}.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(self.final_of(tools, focus, audio)))
        final = pickle.loads(kept.read_bytes())
        self.last = final
        if final["type"] == "failed":
            return Judgement(Heard(), 0.0, is_rejected=True)
        judgement = hearings.judgement_of(final, meaning)
        if judgement.heard.text:
            self._mean = final["cmn"]
        return judgement


def trials(half: int) -> Iterator[Trial]:
    """Every other sentence of each kind; each at the next step that it may be said at."""
    asked = questions()
    yes_no = [each for each in asked if each.kind == "yes_no"]

    def halved(said: Sequence[Any]) -> Sequence[Any]:
        return said[half::2]

    number = 0
    for pool, again, own, value in (
        (replies.YES, replies.YES_AGAIN, replies.OWN_YES, True),
        (replies.NO, replies.NO_AGAIN, replies.OWN_NO, False),
    ):
        for said in halved(pool):
            question = yes_no[number % len(yes_no)]
            yield Trial("yes_no", question.name, question.tools, question.slot, said,
                        again[number % len(again)], value)  # fmt: skip
            number += 1
        for question in yes_no:
            for said in halved(own.get(question.slot, ())):
                yield Trial("yes_no", question.name, question.tools, question.slot, said,
                            again[number % len(again)], value)  # fmt: skip
                number += 1
    for question in asked:
        if question.kind == "choice":
            for said, other, meant in halved(replies.CHOICES.get(question.slot, ())):
                yield Trial(
                    "choice", question.name, question.tools, question.slot, said, other, meant
                )
    listening = {
        (flow.agent.name, step): tuple(
            configure(flow, flow.steps[step], flow.variables | _FOUND).tools
        )
        for flow in _flows()
        for name, step in replies.WISHES
        if name == flow.agent.name
    }
    for key, wishes in replies.WISHES.items():
        for said, other, meant in halved(wishes):
            yield Trial(
                "wish", ".".join(key), listening[key], "", said, other, INTENT_PREFIX + meant
            )
    digits = next(each for each in asked if each.kind == "digits")
    count = digits.notes.get("min_length") or 6
    told = " ".join(
        ("four", "one", "nine", "two", "seven", "three", "six", "five")[: int(str(count))]
    )
    for said in halved(replies.AGREES):
        yield Trial(
            "agrees", digits.name, digits.tools, digits.slot, said, "yes", "read back", told
        )
    for said in halved(replies.DENIES):
        yield Trial("denies", digits.name, digits.tools, digits.slot, said, "no", None, told)
    steps = [
        *((q.name, q.tools, q.slot) for q in asked),
        *((".".join(key), tools, "") for key, tools in listening.items()),
    ]
    for place, said in enumerate(halved(NO_ANSWERS)):
        where, tools, slot = steps[place * 7 % len(steps)]
        yield Trial("stranger", where, tools, slot, said, "", None)
        where, tools, slot = [
            (q.name, q.tools, q.slot) for q in asked if q.kind in ("yes_no", "choice")
        ][place % 12]
        yield Trial("stranger asked", where, tools, slot, said, "", None)


def _flows() -> Sequence[Any]:
    catalog = FlowCatalog([SHIPPED_AGENTS], {})
    catalog.load()
    return catalog.flows()


@dataclass
class Caller:
    trial: Trial
    ears: KeptEars
    voice: Voice
    noise: str  # or "clean"
    seed: int
    history: list[HistoryItem] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def outcome(self) -> str:
        trial = self.trial
        self._planner = Planner(trial.tools, TODAY)
        plan = self._planner.plan((), "auto")
        if trial.read_back:
            return self._answered_read_back(plan)
        plan = self._say(plan, trial.first)
        done, value = settled(plan, trial.slot)
        if done:
            return "at once" if value == trial.value else "wrong"
        if trial.value is None:
            return "two exchanges" if self._proposed(plan) is not None else "not taken"
        proposed = self._proposed(plan)
        if proposed is not None:
            is_right = proposed == trial.value
            said = "yes that's right" if is_right else f"no {trial.again}"
            done, value = settled(self._say(plan, said), trial.slot)
            if is_right:
                return "confirmed" if done and value == trial.value else "yes lost"
            if done:
                return "corrected" if value == trial.value else "no lost"
            return "two exchanges"
        again = self._say(plan, trial.again)
        done, value = settled(again, trial.slot)
        if done:
            return "asked again" if value == trial.value else "wrong after"
        return "two exchanges" if self._proposed(again) == trial.value else "not taken"

    def _answered_read_back(self, plan: Plan) -> str:
        asked = getattr(plan.move, "text", "")
        self.history.append(HistoryItem("a", ItemRole.ASSISTANT, asked))
        self.history.append(HistoryItem("u", ItemRole.USER, self.trial.read_back, confidence=0.6))
        plan = self._planner.plan(self.history, "auto")
        plan = self._say(plan, self.trial.first)
        done, _ = settled(plan, self.trial.slot)
        if self.trial.value is None:
            if done:
                return "wrong"
            return "at once" if plan.after.refused else "not taken"
        return "at once" if done else ("wrong" if plan.after.refused else "not taken")

    def _proposed(self, plan: Plan) -> Json:
        state = plan.after
        if state.mode is Mode.OFFERING:
            return state.wish
        ours = state.slot is not None and state.slot.name == self.trial.slot
        return state.value if state.mode is Mode.CONFIRMING and ours else None

    def _say(self, plan: Plan, text: str) -> Plan:
        self.seed += 1000
        asked = getattr(plan.move, "text", "")
        self.history.append(HistoryItem("a", ItemRole.ASSISTANT, asked))
        snr_db = None if self.noise == "clean" else _SNR_DB
        audio = on_the_line(text, self.voice, snr_db, self.noise, self.seed)
        state: State = plan.after
        heard = self.ears.hear(
            self.trial.tools, state.focus, lambda w: self._planner.meaning(state, w), audio
        )
        pairs = "; ".join(f"{n['text']} {n['probability']:.4f} / {g['text']}"
                          for n, g in self.ears.last.get("hearings", ()))  # fmt: skip
        self.log.append(f"{text!r} > {heard.heard.text!r} {heard.confidence:.2f} [{pairs}]")
        said = HistoryItem("u", ItemRole.USER, heard.heard.text, confidence=heard.confidence)
        self.history.append(said)
        return self._planner.plan(self.history, "auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", default="strangers")
    parser.add_argument("--lines", default="clean,20 dB")
    parser.add_argument("--kinds", default="", help="all of them")
    parser.add_argument("--half", type=int, default=0, choices=(0, 1))
    parser.add_argument("--every", type=int, default=1, help="only every so manieth sentence")
    parser.add_argument("--tell", action="store_true", help="a line for every trial")
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "trunkline-heard"
    )
    options = parser.parse_args()
    chosen = VOICES[options.voices]
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    began, number = time.process_time(), 0
    with tempfile.TemporaryDirectory(prefix="ears-") as directory:
        ears = KeptEars(Path(directory), options.keep)
        for trial in list(trials(options.half))[:: options.every]:
            number += 1
            if options.kinds and trial.kind not in options.kinds.split(","):
                continue
            for place, line in enumerate(options.lines.split(",")):
                voice = chosen[(number * 5 + place * 3) % len(chosen)]
                noise = "clean" if line == "clean" else NOISES[number % len(NOISES)]
                ears.new_call()
                caller = Caller(trial, ears, voice, noise, number + place * 131)
                outcome = caller.outcome()
                counts[line, trial.kind][outcome] += 1
                if noise != "clean" and "stranger" not in trial.kind:
                    counts[noise, "spoken to us"][outcome] += 1
                if options.tell:
                    where = f"{noise:6} {voice.name:14} {trial.where}"
                    print(f"{outcome:11} {where} {trial.value}: {caller.log}", flush=True)
    print(
        f"\n| line | kind | n | right | {' | '.join(OUTCOMES)} |\n|{'---|' * (len(OUTCOMES) + 4)}"
    )
    for (line, kind), outcomes in counts.items():
        right = 100 * sum(outcomes[each] for each in RIGHT) / outcomes.total()
        cells = " | ".join(str(outcomes[each] or "") for each in OUTCOMES)
        print(f"| {line} | {kind} | {outcomes.total()} | {right:.0f} % | {cells} |")
    print(f"\nprocessor {time.process_time() - began:.0f} s for {number} sentences")


if __name__ == "__main__":
    main()
