"""No sample of a blocked clause reaches the playout, in whatever order text and audio come."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.audio.framer import Framer
from trunkline.audio.playout import PlayoutQueue, Segment
from trunkline.calls.guarded_reply import GuardedReply
from trunkline.calls.speaker import Speaker, Voice
from trunkline.calls.transcript import Speech
from trunkline.calls.wire_audio import wire_audio
from trunkline.domain.agent import AgentSpec
from trunkline.domain.audio import AudioFormat, WordMark
from trunkline.domain.turn import TurnKind
from trunkline.flows.guard.gate import FASTEST_CHARS_PER_S, Blocked, ClauseGate
from trunkline.flows.guard.pack import Response, Verb
from trunkline.flows.guard.verdict import Finding, Verdict

RATE = 1000
LONGEST_WORDS = 14
BAD = Finding("violence", "pattern", 1.0, Response(Verb.REFUSE, "No."))


def judge(before: str, clause: str) -> Verdict:
    return Verdict(clause, (BAD,) if "bomb" in clause else ())


def clauses(words: list[str]) -> list[int]:
    """The number of the clause that each word is in."""
    found, number, length = [], 0, 0
    for word in words:
        found.append(number)
        length += 1
        if word[-1] in ",.!?" or length == LONGEST_WORDS:
            number, length = number + 1, 0
    return found


class Line:
    """A reply whose every sample tells by its value which word it is of."""

    def __init__(self, words: list[str], paces: list[float], timing: str) -> None:
        self.words = words
        # Nobody speaks faster than the gate believes; a blank is spoken with the word before it.
        self.ms = [
            round((len(word) + 1) * 1000 / FASTEST_CHARS_PER_S * pace) + 1
            for word, pace in zip(words, paces, strict=True)
        ]
        self.begins_ms = [0, *accumulate(self.ms)][:-1]
        pcm = [
            np.full(ms * RATE // 1000, place + 1, "<i2").tobytes()
            for place, ms in enumerate(self.ms)
        ]
        self.pcm = b"".join(pcm)
        self.timing = timing

    def delta(self, first: int, last: int) -> tuple[str, list[WordMark]]:
        text = " ".join(self.words[first:last]) + " "
        if self.timing == "none":
            return text, []
        is_estimated = self.timing == "estimated"
        slip = 0.3 if is_estimated else 1.0  # estimates may be wrong by any factor
        return text, [
            WordMark(
                self.words[place],
                round(self.begins_ms[place] * slip),
                round((self.begins_ms[place] + self.ms[place]) * slip),
                is_estimated,
            )
            for place in range(first, last)
        ]


words_st = st.lists(
    st.sampled_from(["a", "bee,", "sea.", "deed", "eve!", "bomb", "bomb.", "effort", "good"]),
    min_size=1,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(st.data(), words_st, st.sampled_from(["exact", "estimated", "none"]))
def test_no_sample_of_a_blocked_clause_is_let_out(
    data: st.DataObject, words: list[str], timing: str
) -> None:
    paces = data.draw(
        st.lists(st.floats(1.0, 6.0), min_size=len(words), max_size=len(words)), label="paces"
    )
    line = Line(words, paces, timing)
    heard = bytearray()
    segment = Segment("one")
    reply = GuardedReply(
        Speech(segment, TurnKind.REPLY, "one"),
        Framer(2),
        ClauseGate(judge, RATE),
        heard.extend,
    )
    told, sent, blocked = 0, 0, None
    for _ in range(data.draw(st.integers(1, 80), label="steps")):
        step = data.draw(st.sampled_from(["text", "text", "audio", "audio", "told", "drop"]))
        if step == "text" and told < len(words):
            last = min(told + data.draw(st.integers(1, 6)), len(words))
            blocked = reply.text(*line.delta(told, last)) or blocked
            told = last
        elif step == "audio" and sent < len(line.pcm):
            size = 2 * data.draw(st.integers(1, RATE))
            reply.audio(line.pcm[sent : sent + size])
            sent += size
        elif step == "told" and told == len(words):
            blocked = reply.told() or blocked
        elif step == "drop" and data.draw(st.integers(0, 20)) == 0:
            reply.drop()
            break
    if told == len(words) and data.draw(st.booleans(), label="whole"):
        blocked = reply.whole() or blocked
    elif data.draw(st.booleans(), label="given up"):
        blocked = reply.give_up() or blocked
    reply.audio(line.pcm[sent:])

    bad = next((place for place, word in enumerate(words) if "bomb" in word), None)
    samples = np.frombuffer(bytes(heard), "<i2")
    assert bytes(heard) == line.pcm[: len(heard)]  # in order, and nothing left out
    if bad is not None:
        number = clauses(words)
        fine = number.index(number[bad])
        assert not len(samples) or int(samples.max()) <= fine
    if told == 0:
        assert not len(samples)
    if isinstance(blocked, Blocked):
        assert len(samples) <= blocked.heard_until
        assert "bomb" not in reply.speech.text


@settings(max_examples=40, deadline=None)
@given(words_st.filter(lambda words: not any("bomb" in word for word in words)))
def test_all_of_what_is_fine_is_let_out(words: list[str]) -> None:
    line = Line(words, [2.0] * len(words), "exact")
    heard = bytearray()
    reply = GuardedReply(
        Speech(Segment("one"), TurnKind.REPLY, "one"),
        Framer(2),
        ClauseGate(judge, RATE),
        heard.extend,
    )
    reply.text(*line.delta(0, len(words)))
    reply.audio(line.pcm)
    assert reply.whole() is None
    assert bytes(heard) == line.pcm
    assert reply.held_samples == 0


def test_what_is_fine_before_a_block_is_let_out_to_its_end_and_then_the_block_is_told() -> None:
    heard = bytearray()
    reply = GuardedReply(
        Speech(Segment("one"), TurnKind.REPLY, "one"),
        Framer(2),
        ClauseGate(judge, RATE),
        heard.extend,
    )
    marks = [WordMark("Sure.", 0, 500), WordMark("A", 600, 700), WordMark("bomb.", 700, 1000)]
    assert reply.text("Sure. A bomb. ", marks) is None
    assert reply.audio(bytes(2 * 300)) is None
    blocked = reply.audio(bytes(2 * 300))
    assert blocked is not None and blocked.text == "A bomb."
    assert len(heard) == 2 * 500
    reply.audio(bytes(2 * 900))
    assert len(heard) == 2 * 500


def test_a_stopped_reply_tells_no_word_that_was_held() -> None:
    playout = PlayoutQueue(RATE)
    speech = Speech(playout.open("one"), TurnKind.REPLY, "one")
    reply = GuardedReply(
        speech, Framer(2), ClauseGate(judge, RATE), lambda pcm: playout.append("one", pcm)
    )
    reply.audio(bytes(2 * 4 * RATE))
    reply.text("Sure. ", [WordMark("Sure.", 0, 500)])
    blocked = reply.text("A bomb. ", [WordMark("A", 600, 700), WordMark("bomb.", 700, 1000)])
    assert blocked is not None and blocked.heard_until == 500
    assert speech.is_stopped and speech.text == "Sure."
    assert [mark.text for mark in speech.segment.marks] == ["Sure."]
    assert speech.segment.received_samples == 500


class _Desk:
    """A guard that has nothing against anything."""

    judges_speech = True

    def clause(self, before: str, clause: str) -> Verdict:
        return Verdict(clause)


def test_audio_whose_words_never_come_is_dropped_after_a_while_and_told() -> None:
    playout = PlayoutQueue(8000)
    agent = AgentSpec("desk", "Desk", "en", "alloy", 1.0, "scripted", "v")
    none: Any = None
    desk: Any = _Desk()
    speaker = Speaker(
        playout, none, Voice(agent, "tts", 8000), wire_audio(AudioFormat(8000), "PCMU"),
        none, none, desk,
    )  # fmt: skip
    speaker.reply_began("item_1", "menu")
    assert speaker.reply_audio("item_1", bytes(8000)) is None
    told = [speaker.overdue() for _ in range(60)]
    (blocked,) = [one for one in told if one is not None]
    assert (blocked.verdict, blocked.heard_until) == (None, 0)
    assert told.index(blocked) == 39
    assert playout.segments[0].received_samples == 0
    assert speaker.reply_audio("item_1", bytes(8000)) is blocked  # and never let out
    assert playout.segments[0].received_samples == 0
