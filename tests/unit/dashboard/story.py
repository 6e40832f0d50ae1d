"""A conversation told in facts: what the pages are tried with."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.events import (
    ApprovalParked,
    CallAnswered,
    CallEnded,
    CallerPartial,
    CallFact,
    CallStarted,
    CallStateChanged,
    RecordingClosed,
    RecordingState,
    StepEntered,
    ToolOutcome,
    ToolRan,
    TransferAttempted,
    TurnEnded,
)
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.turn import Speaker, SpokenWord, Turn, TurnKind, WordFate

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MS_A_WORD = 300


def words_of(text: str, at_ms: int, heard: int | None = None) -> tuple[SpokenWord, ...]:
    """Each word 300 ms long; those after the first ``heard`` were cut."""
    return tuple(
        SpokenWord(
            word,
            at_ms + place * MS_A_WORD,
            at_ms + (place + 1) * MS_A_WORD - 40,
            WordFate.HEARD if heard is None or place < heard else WordFate.CUT,
        )
        for place, word in enumerate(text.split())
    )


@dataclass
class Story:
    """Builds facts on the call's clock; every method appends and returns what it appended."""

    call_id: CallId = CallId("call_story")
    start: datetime = START
    caller: str = "+4930123456"
    edge_id: str = "edge-1"
    facts: list[CallFact] = field(default_factory=list)
    now_ms: int = 0
    seq: int = 0

    def at(self, ms: int | None = None) -> datetime:
        return self.start + timedelta(milliseconds=self.now_ms if ms is None else ms)

    def add(self, fact: CallFact) -> CallFact:
        self.facts.append(fact)
        return fact

    def ring(self, agent: str = "energy") -> None:
        self.add(
            CallStarted(
                self.call_id, self.at(), LegId(f"leg_{self.call_id}"), Direction.INBOUND, "local",
                self.caller, "100", agent, "9f86d081884c7d659a2feaa0c55ad015", "cascade",
                self.edge_id, f"{self.call_id}@192.0.2.7",
            )
        )  # fmt: skip
        self.add(CallStateChanged(self.call_id, self.at(), CallState.RINGING))

    def answer(self) -> None:
        self.add(CallAnswered(self.call_id, self.at(), "PCMA", 212))
        self.add(CallStateChanged(self.call_id, self.at(), CallState.ANSWERED))

    def step(self, name: str) -> None:
        self.add(StepEntered(self.call_id, self.at(), self.now_ms, name))

    def partial(self, text: str) -> CallFact:
        return self.add(CallerPartial(self.call_id, self.at(), self.now_ms, text))

    def turn(self, speaker: Speaker, text: str, heard: int | None = None, **more: Any) -> Turn:
        """A turn of ``text``; an agent's turn is cut after ``heard`` words when that is given."""
        words = words_of(text, self.now_ms, heard)
        shown = text if heard is None else " ".join(text.split()[:heard])
        ended_ms = self.now_ms + MS_A_WORD * len(shown.split())
        kind = TurnKind.REPLY if speaker is Speaker.AGENT else TurnKind.SPEECH
        values: dict[str, Any] = {
            "kind": kind,
            "generated_text": text if speaker is Speaker.AGENT else "",
            "is_interrupted": heard is not None,
            "words": words,
        }
        self.seq += 1
        turn = Turn(
            TurnId(f"turn_{self.call_id}_{self.seq}"), self.seq, speaker, text=shown,
            started_ms=self.now_ms, ended_ms=ended_ms, **(values | more),
        )  # fmt: skip
        self.now_ms = max(self.now_ms, ended_ms + 400)
        self.add(TurnEnded(self.call_id, self.at(), turn))
        return turn

    def tool(self, name: str, arguments: Any, result: Any, outcome: ToolOutcome, ms: int) -> None:
        run = ToolRunId(f"run_{self.call_id}_{len(self.facts)}")
        self.add(
            ToolRan(
                self.call_id, self.at(), self.now_ms, run, name, arguments, outcome, result, ms,
                2 if outcome is ToolOutcome.TIMED_OUT else 1, "balance",
            )
        )  # fmt: skip

    def park(self, name: str, arguments: Any) -> None:
        run = ToolRunId(f"run_{self.call_id}_{len(self.facts)}")
        approval = ApprovalId(f"appr_{self.call_id}_{len(self.facts)}")
        self.add(
            ApprovalParked(
                self.call_id, self.at(), self.now_ms, approval, run, name, arguments,
                "2c26b46b68ffc68ff99b453c1d304134", "9f86d081884c7d659a2feaa0c55ad015",
            )
        )  # fmt: skip

    def record(self, path: str, ms: int | None = None) -> None:
        self.add(
            RecordingClosed(
                self.call_id, self.at(), path, RecordingState.COMPLETE, ms or self.now_ms, 8000
            )
        )

    def end(self, cause: EndCause = EndCause.AGENT_HANGUP, sip_status: int | None = 200) -> None:
        self.add(
            CallEnded(
                self.call_id, self.at(), cause, sip_status, "", self.now_ms,
                {"underruns": 0, "jitter_ms": 2.4, "lost_packets": 3},
                {"first_audio_ms": 118, "response_median_ms": 412, "stop_to_silence_max_ms": 140},
                {"input_audio_tokens": 1204, "output_audio_tokens": 903},
            )
        )  # fmt: skip
        self.add(CallStateChanged(self.call_id, self.at(), CallState.ENDED))


def balance_call(story: Story) -> Iterator[None]:
    """The whole conversation, scene by scene, so that a live page can be watched growing."""
    caller, agent = Speaker.CALLER, Speaker.AGENT
    story.ring()
    yield
    story.answer()
    story.step("greeting")
    story.now_ms = 180
    greeting = (
        "This call is recorded. Welcome to Northwind Energy, how can I help you today? You can ask"
        " for your balance, a meter reading, or a payment."
    )
    story.turn(agent, greeting, heard=14, kind=TurnKind.SAY, stop_to_silence_ms=141)
    yield
    story.partial("hi what's my")
    yield
    story.turn(caller, "hi what's my balance please", confidence=0.92)
    story.step("ask_account")
    story.turn(agent, "What is your eight digit account number?", response_ms=412)
    yield
    story.turn(caller, "four four one seven two nine oh eight", confidence=0.44)
    story.step("balance")
    story.tool(
        "get_balance", {"account": "44172908"}, {"name": "A. Weber", "owed": "182.40"},
        ToolOutcome.OK, 86,
    )  # fmt: skip
    yield
    story.now_ms += 300
    story.turn(
        agent,
        "Thank you. Account four four one seven, two nine zero eight owes one hundred and"
        " eighty-two pounds and forty pence. Shall I take a payment?",
        response_ms=655,
    )
    heard_ms = story.now_ms
    story.now_ms -= 4000
    story.turn(caller, "uh huh", kind=TurnKind.BACKCHANNEL)
    story.now_ms = heard_ms
    yield
    story.turn(caller, "yes pay all of it", confidence=0.88)
    story.park("pay_bill", {"account": "44172908", "amount": "182.40", "currency": "GBP"})
    story.turn(agent, "One moment, a colleague is looking at that payment.", response_ms=902)
    yield
    story.turn(caller, "can I talk to a person", confidence=0.79)
    story.step("transfer")
    story.add(
        TransferAttempted(story.call_id, story.at(), story.now_ms, "sip:desk@192.0.2.20", True, 486)
    )
    story.turn(agent, "Everybody is busy just now. Goodbye, and thank you.", response_ms=1210)
    yield


def whole_call(story: Story | None = None, recording: str = "") -> list[CallFact]:
    story = story or Story()
    for _ in balance_call(story):
        pass
    if recording:
        story.record(recording)
    story.end()
    return story.facts


def write_recording(path: Path, facts: list[CallFact], rate_hz: int = 8000) -> int:
    """A two-channel WAV in which each side sounds while it speaks; its length in ms."""
    turns = [fact.turn for fact in facts if isinstance(fact, TurnEnded)]
    length_ms = max(turn.ended_ms for turn in turns) + 500
    sound = np.zeros((length_ms * rate_hz // 1000, 2))
    noise = np.random.default_rng(7)
    for turn in turns:
        side = 1 if turn.speaker is Speaker.AGENT else 0
        for word in turn.words:
            if word.fate is not WordFate.HEARD:
                continue
            first, last = word.start_ms * rate_hz // 1000, word.end_ms * rate_hz // 1000
            time_s = np.arange(last - first) / rate_hz
            shape = np.sin(np.pi * np.linspace(0, 1, last - first)) ** 0.6 * noise.uniform(0.3, 1)
            pitch = 210 if side else 120
            voice = np.sin(2 * np.pi * pitch * time_s) + 0.5 * np.sin(
                2 * np.pi * 3.1 * pitch * time_s
            )
            sound[first:last, side] += 0.3 * shape * voice
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(sound, -1, 1) * 32000).astype("<i2").tobytes())
    return length_ms
