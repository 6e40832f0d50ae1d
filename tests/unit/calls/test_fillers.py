"""Whoever waits for an engine or a tool hears a word now and then, and it is no answer."""

from __future__ import annotations

import asyncio

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL, ask_for_balance

from trunkline.calls.fillers import DISTANCES_MS, FillerPace
from trunkline.calls.house_lines import house_lines
from trunkline.domain.turn import Turn, TurnKind
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemCreate, ResponseCancel
from trunkline.realtime.items import item_text

FILLERS = house_lines("en").fillers
SLOW = Script.model_validate(
    {
        "transcripts": ["what is my balance", "hello are you there"],
        "replies": [
            {"match": "are you there", "text": "Yes I am here now."},
            {"match": "balance", "text": "That took a while.", "delay_ms": 7000},
        ],
    }
)


def fillers_of(call: Scene) -> list[Turn]:
    return [turn for turn in call.turns if turn.kind is TurnKind.FILLER]


def test_each_filler_is_further_from_the_last_word_than_the_one_before() -> None:
    pace, spoken_at, speaking_until = FillerPace(), [], 0
    for now_ms in range(0, 70_000, 100):
        speaks = now_ms < speaking_until
        if pace.is_due(now_ms, is_waiting=True, agent_speaks=speaks, talks=False):
            spoken_at.append(now_ms - speaking_until)
            speaking_until = now_ms + 1000
    steps = zip(spoken_at, (*DISTANCES_MS, DISTANCES_MS[-1]), strict=False)
    assert all(abs(waited - distance) <= 200 for waited, distance in steps)
    assert len(spoken_at) >= len(DISTANCES_MS)


def test_nobody_who_speaks_or_does_not_wait_hears_a_filler() -> None:
    pace = FillerPace()
    for now_ms in range(0, 30_000, 100):
        assert not pace.is_due(now_ms, is_waiting=True, agent_speaks=False, talks=True)
    for now_ms in range(30_000, 60_000, 100):
        assert not pace.is_due(now_ms, is_waiting=False, agent_speaks=False, talks=False)


def test_a_slow_engine_is_bridged_and_its_answer_is_measured_and_told_as_ever() -> None:
    async def play() -> None:
        async with scene(SLOW) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("That took a while.")
            first, *_ = said = fillers_of(call)
            assert first.text == FILLERS[0]
            texts = [turn.text for turn in said]
            assert all(one != other for one, other in zip(texts, texts[1:], strict=False))
            assert all(turn.response_ms is None for turn in said)
            (answer,) = [turn for turn in call.turns if turn.text == "That took a while."]
            assert answer.response_ms is not None
            assert answer.response_ms >= 7000
            told = [item_text(e.item) for e in call.endpoint.told if isinstance(e, ItemCreate)]
            assert not set(told) & set(FILLERS), "the engine never said it"
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_words_over_a_filler_are_a_turn_and_the_filler_is_cut() -> None:
    async def play() -> None:
        async with scene(SLOW) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.leg.until(lambda: "filler" in {line.get("spoken") for line in call.log})
            call.leg.say(voiced(1400))
            await call.heard("Yes I am here now.")
            assert any(isinstance(event, ResponseCancel) for event in call.endpoint.told)
            cut = [turn for turn in fillers_of(call) if turn.is_interrupted]
            assert all(turn.generated_text in FILLERS for turn in cut)
            assert not any(turn.text == "That took a while." for turn in call.turns)
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_the_flows_own_words_for_a_tool_come_first_and_nothing_twice_running() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            call.tools.delay_s = 9
            await ask_for_balance(call)
            await call.heard("I'm still looking")
            assert call.leg.is_owed
            await call.heard("You owe")
            spoken = [turn.text for turn in call.turns if turn.kind is not TurnKind.SPEECH]
            assert all(one != other for one, other in zip(spoken, spoken[1:], strict=False))
            assert sum(text.startswith("I'm still looking") for text in spoken) == 1
            assert fillers_of(call) == [], "the flow spoke in time"
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_the_clip_of_the_ring_is_put_off_while_the_loop_lives_and_owed_over_all_speech() -> None:
    async def play() -> None:
        async with scene(SLOW) as call:
            await call.leg.until(lambda: call.leg.has_heard(500))
            assert call.leg.is_owed, "more of the greeting is to come than the ring holds"
            assert call.leg.clip_after_ms == 1500
            await call.heard("How can I help you")
            await asyncio.sleep(0.5)
            assert not call.leg.is_owed
            call.leg.say(voiced(900))
            await call.leg.until(lambda: call.leg.is_owed)
            await asyncio.sleep(1.0)
            assert call.leg.is_owed
            assert call.leg.clip_after_ms == pytest.approx(2500, abs=300)
            await call.heard("That took a while.")
            await asyncio.sleep(0.5)
            assert (call.leg.is_owed, call.leg.clip_after_ms) == (False, 1500)
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())
