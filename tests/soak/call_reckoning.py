"""After a storm of calls: what callers heard, set against what is stored of it."""

from __future__ import annotations

import asyncio
import io
import wave
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
from tests.peers.faults.phone import api
from tests.soak.approval_reckoning import Invariant, table
from tests.soak.call_callers import Story
from tests.soak.call_hearing import Stretch, untold
from tests.soak.call_storm import Outcome
from tests.soak.reckoning import every_call, live_in_database

from trunkline.domain.call import EndCause

MOST_SILENCE_S: Final = 1.5
_MEASURE_S: Final = 0.1  # a packet, a jitter of the machine's own, and the clock tick
_RECORDED_TO_S: Final = 1.0
_SPEECH_S: Final = 0.7
_KEPT_WITHIN_S: Final = 0.6  # of a turn that ended as its edge was killed
_CLOCKS_S: Final = 0.5
_CLIP_S: Final = 1.8
_BYE_S: Final = 5.0
_FAULTS_OF_OURS: Final = {EndCause.INTERNAL_ERROR.value, "flow_error", EndCause.EDGE_LOST.value}


@dataclass(frozen=True, slots=True)
class Reckoning:
    outcome: Outcome
    invariants: Sequence[Invariant]
    causes: Counter[str]

    @property
    def broken(self) -> list[str]:
        return [f"{one.name}: {what}" for one in self.invariants for what in one.broken]

    def __str__(self) -> str:
        out = self.outcome
        answered = [story for story in out.stories if story.answered_at]
        quiet = max((one.length for story in answered for one in story.silent), default=0.0)
        stall = max((story.stall_s for story in answered), default=0.0)
        lost = sum(story.is_lost for story in answered)
        return "\n".join(
            [
                f"seed {out.plan.seed}: {len(out.stories)} calls in {out.took_s:.0f} s, at most"
                f" {out.plan.at_once} at once, {len(answered)} answered, {lost} on a killed edge",
                f"faults: {_counts(out.faults)}",
                f"ended by: {_counts(self.causes)}",
                f"longest unplanned silence {quiet:.2f} s, longest time without a packet"
                f" {stall:.2f} s, calls on the edges 5 s after the last BYE {out.left_alive:.0f}",
                table(self.invariants),
            ]
        )


async def until_closed(outcome: Outcome, deadline_s: float) -> None:
    """No call is live in the database: calls of lost edges take a while."""
    left: list[str] = []
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                try:
                    left = await live_in_database(outcome.house.installation)
                    if not left and not await _unknown(outcome):
                        return
                except httpx.HTTPError:
                    pass  # the web was killed last
                await asyncio.sleep(0.5)
    except TimeoutError:
        return  # the reckoning says which


async def _unknown(outcome: Outcome) -> set[str]:
    known = await every_call(outcome.house.installation)
    return {story.number for story in outcome.stories if story.answered_at} - set(known)


async def reckon(outcome: Outcome, most_silence_s: float = MOST_SILENCE_S) -> Reckoning:
    stored = await every_call(outcome.house.installation)
    answered = [story for story in outcome.stories if story.answered_at]
    details: dict[str, dict[str, Any]] = {}
    recorded: dict[str, float] = {}
    async with api(outcome.house.installation) as client:
        for story in answered:
            if story.number in stored:
                call_id = stored[story.number]["call_id"]
                details[story.number] = (await _get(client, f"/calls/{call_id}")).json()
                recorded[story.number] = await _recorded_s(client, call_id)
    causes = Counter(str(call["cause"]) for call in details.values())
    invariants = [
        _served(outcome),
        _ended(answered, details),
        _lost(answered, details),
        _recorded(answered, recorded),
        _silence(answered, most_silence_s),
        _stalls(answered),
        _told(answered, details),
        _numbered(answered, details),
        _gone(outcome, answered, details),
    ]
    return Reckoning(outcome, invariants, causes)


def _served(outcome: Outcome) -> Invariant:
    one = Invariant("whoever called an edge that stayed up was answered")
    for story in outcome.stories:
        is_fine = bool(story.answered_at) or story.is_lost
        one.check(is_fine and not story.trouble, f"{_of(story)}: {story.status} {story.trouble}")
    return one


def _ended(answered: Sequence[Story], details: Mapping[str, Any]) -> Invariant:
    one = Invariant("every call ends in the database with a cause")
    for story in answered:
        call = details.get(story.number)
        if call is None:
            one.check(False, f"{_of(story)}: not in the database")
            continue
        told = f"{_of(story)}: {call['state']}, {call['cause']}"
        one.check(call["state"] == "ended" and bool(call["cause"]), told)
        if not story.is_lost:
            one.check(call["cause"] not in _FAULTS_OF_OURS, told)
    return one


def _lost(answered: Sequence[Story], details: Mapping[str, Any]) -> Invariant:
    one = Invariant("calls on a killed edge are closed as edge_lost")
    for story in answered:
        # Whoever hung up in the same moment may have been told goodbye before the edge was killed.
        if story.is_lost and story.number in details:
            cause = details[story.number]["cause"]
            one.check(cause == EndCause.EDGE_LOST.value, f"{_of(story)}: {cause}")
    return one


def _recorded(answered: Sequence[Story], recorded: Mapping[str, float]) -> Invariant:
    one = Invariant("recordings can be read to their last second")
    for story in answered:
        seconds = recorded.get(story.number, 0.0)
        told = f"{_of(story)}: {seconds:.2f} s of {story.talked_s:.2f} s"
        one.check(seconds >= story.talked_s - _RECORDED_TO_S, told)
    return one


def _silence(answered: Sequence[Story], most_s: float) -> Invariant:
    one = Invariant(f"no caller hears more than {most_s} s of unplanned silence")
    for story in answered:
        worst = max(story.silent, key=lambda silent: silent.length, default=None)
        if worst is not None:
            after_s = worst.begin - story.answered_at
            told = f"{_of(story)}: {worst.length:.2f} s, {after_s:.1f} s after the answer"
            one.check(worst.length <= most_s + _MEASURE_S, told)
    return one


def _stalls(answered: Sequence[Story]) -> Invariant:
    one = Invariant("packets never stop for as long as that")
    for story in answered:
        one.check(story.stall_s <= MOST_SILENCE_S, f"{_of(story)}: {story.stall_s:.2f} s")
    return one


def _told(answered: Sequence[Story], details: Mapping[str, Any]) -> Invariant:
    """The clip that the ring plays by itself is no line of the conversation."""
    one = Invariant("no line that was spoken is missing from its transcript")
    for story in answered:
        if story.number not in details:
            continue
        turns = [
            Stretch(
                story.answered_at + turn["started_ms"] / 1000 - _CLOCKS_S,
                story.answered_at + turn["ended_ms"] / 1000 + _CLOCKS_S,
            )
            for turn in details[story.number]["turns"]
            if turn["speaker"] == "agent"
        ]
        until = story.heard_until - (_KEPT_WITHIN_S if story.is_lost else 0.0)
        whole = [spoken for spoken in story.spoken if spoken.end < until]
        missing = untold(whole, turns, at_least_s=_SPEECH_S)
        clips = [spoken for spoken in missing if _is_clip(spoken, story)]
        told = [f"{gap.begin - story.answered_at:.1f}+{gap.length:.1f}" for gap in missing]
        one.check(len(missing) == len(clips), f"{_of(story)}: heard at {', '.join(told)}")
    return one


def _is_clip(spoken: Stretch, story: Story) -> bool:
    after_s = min((abs(one.end - spoken.begin) for one in story.silent), default=9.0)
    before = next((one for one in story.silent if abs(one.end - spoken.begin) == after_s), None)
    return spoken.length < _CLIP_S and before is not None and before.length > 1.3


def _numbered(answered: Sequence[Story], details: Mapping[str, Any]) -> Invariant:
    one = Invariant("no turn is missing between two others")
    for story in answered:
        if story.number in details:
            numbers = [turn["seq"] for turn in details[story.number]["turns"]]
            one.check(numbers == list(range(1, len(numbers) + 1)), f"{_of(story)}: {numbers}")
    return one


def _gone(outcome: Outcome, answered: Sequence[Story], details: Mapping[str, Any]) -> Invariant:
    one = Invariant("no call is alive 5 s after its BYE")
    one.check(not outcome.left_alive, f"{outcome.left_alive:.0f} on the edges after the last BYE")
    for story in answered:
        call = details.get(story.number)
        if story.is_lost or call is None or not call["ended_at"]:
            continue
        late_s = datetime.fromisoformat(call["ended_at"]).timestamp() - story.wall_ended
        one.check(late_s < _BYE_S, f"{_of(story)}: {late_s:.1f} s")
    return one


async def _recorded_s(client: httpx.AsyncClient, call_id: str) -> float:
    answer = await _get(client, f"/calls/{call_id}/recording")
    if answer.status_code != 200:
        return 0.0
    with wave.open(io.BytesIO(answer.content)) as file:
        return float(file.getnframes() / file.getframerate())


async def _get(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The API lets nobody ask without end: it says when to come back."""
    while (answer := await client.get(path)).status_code == 429:
        await asyncio.sleep(float(answer.headers["retry-after"]))
    return answer


def _of(story: Story) -> str:
    return f"{story.number} ({'speaks' if story.speaks else 'keys'}, edge {story.edge})"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
