"""The guardrails of one call: what is judged, what is told of it, and what is kept out of sight."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from trunkline.calls.bridge import CallClock
from trunkline.calls.record import CallRecord
from trunkline.domain.events import GuardActed
from trunkline.flows.actions import Say
from trunkline.flows.guard.gate import Blocked
from trunkline.flows.guard.identity import masked
from trunkline.flows.guard.pack import Response, Side, Verb
from trunkline.flows.guard.rules import REFUSAL, GuardRules
from trunkline.flows.guard.shelf import GuardShelf
from trunkline.flows.guard.verdict import Finding, Guard, Verdict, joined
from trunkline.flows.guard_events import GuardStopped
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import GUARD_ACTIONS

log = get_logger(__name__)

UNKNOWN: Final = Finding("unknown", "unknown", 1.0, Response(Verb.REFUSE, ""))
"""Speech whose words never came."""
_MOST_CHARS: Final = 1000


class Found(Protocol):
    """``calls.escalating.Escalating.guarded`` is one."""

    def __call__(self, category: str, *, must_raise: bool = False) -> bool: ...


def _nobody(category: str, *, must_raise: bool = False) -> bool:
    return False


class GuardDesk:
    """``rules`` are the flow's that has the call. ``found`` hears of every category that was found,
    and whether a person has to be told; whoever looks after escalations sets it.
    """

    def __init__(
        self, shelf: GuardShelf, rules: GuardRules, record: CallRecord, call_clock: CallClock
    ) -> None:
        self._shelf = shelf
        self._record = record
        self._call_clock = call_clock
        self.found: Found = _nobody
        self._guard = self.use(rules)

    def use(self, rules: GuardRules) -> Guard:
        """Another flow has the call."""
        self._guard = self._shelf.guard_for(rules)
        self._record.hides_numbers = self._guard.finds_numbers
        return self._guard

    @property
    def judges_speech(self) -> bool:
        return self._guard.judges(Side.OUTPUT)

    # ---- judging -------------------------------------------------------------------------------

    def heard(self, text: str) -> Verdict:
        """A turn of the caller's, before anybody acts on it."""
        return self._guard.judge_turn(text)

    def clause(self, before: str, clause: str) -> Verdict:
        """A clause of the agent's; what is found goes on record before anything comes of it."""
        verdict = self._guard.judge_clause(before, clause)
        if verdict.findings:
            self.told(Side.OUTPUT, verdict, clause)
            if verdict.may_be_said:
                self.alert(verdict)
        return verdict

    def line(self, text: str, own: str) -> Verdict:
        """A flow's line with values in it; ``own``: what it says whatever the values are.

        What the flow's author wrote is the author's to say; what came in with a value is not. The
        line as a whole is judged by what is certain, the chance is for the values' own words.
        """
        if not own:
            return self._guard.judge_clause("", text)
        written = set(own.split())
        values = " ".join(word for word in text.split() if word not in written)
        verdict = joined(text, (
            self._guard.judge_with(text, Side.OUTPUT, {}), self._guard.judge(values, Side.OUTPUT)
        ))  # fmt: skip
        if verdict.may_be_said:
            return verdict
        authored = {one.category for one in self._guard.judge(own, Side.OUTPUT).findings}
        brought = tuple(one for one in verdict.findings if one.category not in authored)
        return Verdict(verdict.text if brought else text, brought)

    def sayable(self, action: Say) -> tuple[str, GuardStopped | None]:
        """A flow's line as it may be said, and what the flow is told when the call ends with it.

        Fixed lines are the author's, and were judged when the flow was checked.
        """
        if action.is_fixed:
            return action.text, None
        verdict = self.line(action.text, action.own)
        if not verdict.findings:
            return action.text, None
        self.told(Side.OUTPUT, verdict, action.text)
        self.alert(verdict)
        if not verdict.is_blocked:
            return (verdict.text if verdict.verb is Verb.REDACT else action.text), None
        stopped = self.answer_to(verdict)
        return stopped.line, replace(stopped, line="") if stopped.ends else None

    # ---- telling -------------------------------------------------------------------------------

    def told(self, side: Side, verdict: Verdict, text: str) -> None:
        """What was found goes on record."""
        found = verdict.decisive
        if found is not None:
            self._publish(side, found, text)

    def alert(self, verdict: Verdict) -> None:
        """What was found goes to whoever looks after the call; after the flow was told."""
        for one in verdict.findings:
            self.found(one.category, must_raise=one.response.verb is Verb.ESCALATE)

    def stopped(self, blocked: Blocked) -> GuardStopped:
        """An engine's speech was stopped; what the flow is told."""
        if blocked.verdict is None:
            self._publish(Side.OUTPUT, UNKNOWN, blocked.text)
            return GuardStopped(REFUSAL)
        return self.answer_to(blocked.verdict, asks_again=False)

    def answer_to(self, verdict: Verdict, *, asks_again: bool = True) -> GuardStopped:
        """What the caller hears in place of what was stopped; who is sent to a person is not
        asked anything."""
        found = verdict.decisive
        line = found.response.line if found else ""
        is_end = verdict.verb is Verb.END
        again = asks_again and verdict.verb is Verb.REFUSE
        return GuardStopped(line or REFUSAL, asks_again=again, ends=is_end)

    def _publish(self, side: Side, found: Finding, text: str) -> None:
        action = found.response.verb.value
        GUARD_ACTIONS.labels(side=side.value, category=found.category, action=action).inc()
        record = self._record
        record.publish(
            GuardActed(
                call_id=record.call_id,
                at=record.clock.now(),
                at_ms=self._call_clock.now_ms,
                side=side.value,
                category=found.category,
                action=action,
                by=found.by,
                score=round(found.score, 3),
                text=masked(text.strip())[:_MOST_CHARS],
                step=record.step,
            )
        )
