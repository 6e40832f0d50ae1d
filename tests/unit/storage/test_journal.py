from __future__ import annotations

import random
from dataclasses import asdict, replace
from typing import Any

import pytest
from tests.unit.storage.facts import (
    CALL,
    after,
    agent_turn,
    answered,
    caller_turn,
    ended,
    started,
    state,
    whole_call,
)

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import NotFound
from trunkline.domain.events import CallerPartial, CallFact, ToolOutcome, ToolRan
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, WordFate
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.views import CallDetail


async def read(sessions: Sessions, call_id: str = CALL) -> CallDetail:
    async with sessions.reading() as session:
        return await CallRepository(session).detail(call_id)


async def test_a_whole_call_is_read_back_as_it_was(sessions: Sessions) -> None:
    await write_facts(sessions, whole_call())
    call = await read(sessions)
    assert call.summary.state is CallState.ENDED
    assert call.summary.end_cause is EndCause.CALLER_HANGUP
    assert call.summary.started_at == after(0)
    assert call.summary.answered_at == after(0.2)
    assert call.summary.ended_at == after(20)
    assert (call.summary.setup_ms, call.summary.duration_ms) == (180, 20_000)
    assert (call.summary.step, call.summary.turn_count) == ("balance", 2)
    assert call.summary.codec == call.legs[0].codec == "PCMU/8000"
    assert call.summary.has_recording
    agent, caller = call.turns
    assert agent.speaker is Speaker.AGENT
    assert [(word.text, word.fate) for word in agent.words] == [
        ("Good", WordFate.HEARD),
        ("morning", WordFate.HEARD),
        ("and", WordFate.CUT),
        ("welcome", WordFate.GENERATED),
    ]
    assert agent.words[3].is_estimated
    assert (agent.response_ms, agent.stop_to_silence_ms) == (240, 120)
    assert caller.text == "what is my balance"
    assert caller.confidence == pytest.approx(0.83)
    assert [step.step for step in call.steps] == ["greeting", "balance"]
    assert call.tool_runs[0].result == {"owed": "182.40", "lines": [1, 2.5, None, True]}
    assert call.approvals[0].state == "abandoned", "the caller hung up before anybody decided"
    assert call.approvals[0].arguments == {"amount": "240.50"}
    assert call.transfers[0].sip_status == 486
    assert call.recording is not None
    assert call.recording.sample_rate_hz == 8000
    assert call.stats["rx_packets"] == 1000
    assert call.usage == {"input_tokens": 12}
    assert [(step.at_ms, step.text) for step in call.signalling] == [
        (0, "INVITE"),
        (180, "200 OK (INVITE)"),
    ]
    assert call.media_problem == "not one packet came"


async def test_writing_the_same_facts_again_changes_nothing(sessions: Sessions) -> None:
    await write_facts(sessions, whole_call())
    before = await read(sessions)
    await write_facts(sessions, whole_call())
    for fact in whole_call():
        await write_facts(sessions, [fact])
    assert await read(sessions) == before


@pytest.mark.parametrize("seed", range(5))
async def test_facts_in_any_order_and_any_batches_give_the_same_call(
    sessions: Sessions, seed: int
) -> None:
    await write_facts(sessions, whole_call())
    other = CallId("call_other")
    facts = whole_call(other)
    dice = random.Random(seed)
    dice.shuffle(facts)
    while facts:
        count = dice.randint(1, 4)
        await write_facts(sessions, facts[:count])
        facts = facts[count:]
    one = _without_ids(asdict(await read(sessions)))
    assert _without_ids(asdict(await read(sessions, other))) == one


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: [_without_ids(deed | {"at": None}) for deed in inner]  # by the database's clock
            if key == "deeds"
            else _without_ids(inner)
            for key, inner in value.items()
            if not key.endswith("_id") and key != "path"
        }
    if isinstance(value, (list, tuple)):
        return [_without_ids(inner) for inner in value]
    return value


async def test_a_fact_of_an_unknown_call_is_kept(sessions: Sessions) -> None:
    await write_facts(sessions, [caller_turn("hello", CallId("call_stray"))])
    call = await read(sessions, "call_stray")
    assert call.turns[0].text == "hello"
    assert call.summary.agent == ""
    await write_facts(sessions, [started(CallId("call_stray"))])
    assert (await read(sessions, "call_stray")).summary.agent == "energy"


async def test_an_old_state_never_comes_back(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), state(CallState.HELD, after(5))])
    await write_facts(sessions, [state(CallState.ANSWERED, after(3)), answered(at=after(0.2))])
    assert (await read(sessions)).summary.state is CallState.HELD


async def test_an_ended_call_stays_ended_with_its_first_cause(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), ended(cause=EndCause.AGENT_HANGUP)])
    await write_facts(sessions, [state(CallState.ANSWERED, after(90))])
    await write_facts(sessions, [ended(at=after(95), cause=EndCause.EDGE_LOST)])
    summary = (await read(sessions)).summary
    assert summary.state is CallState.ENDED
    assert summary.end_cause is EndCause.AGENT_HANGUP
    assert summary.ended_at == after(20)


async def test_the_true_end_overrides_a_presumed_edge_loss(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), ended(at=after(40), cause=EndCause.EDGE_LOST)])
    await write_facts(sessions, [ended(at=after(20))])
    summary = (await read(sessions)).summary
    assert summary.end_cause is EndCause.CALLER_HANGUP
    assert summary.ended_at == after(20)


async def test_a_parked_tool_run_takes_its_later_outcome_and_keeps_it(sessions: Sessions) -> None:
    parked = next(fact for fact in whole_call() if isinstance(fact, ToolRan))
    parked = replace(parked, outcome=ToolOutcome.PARKED, result=None)
    done = replace(parked, at=after(30), outcome=ToolOutcome.OK, result={"receipt": "r1"})
    await write_facts(sessions, [started(), parked])
    assert (await read(sessions)).tool_runs[0].result is None
    await write_facts(sessions, [done])
    await write_facts(sessions, [parked])
    (run,) = (await read(sessions)).tool_runs
    assert run.outcome is ToolOutcome.OK
    assert run.result == {"receipt": "r1"}


async def test_a_turn_written_again_has_its_words_once(sessions: Sessions) -> None:
    turn = agent_turn()
    shorter = replace(turn, turn=replace(turn.turn, words=turn.turn.words[:2]))
    await write_facts(sessions, [started(), turn, shorter])
    assert [word.text for word in (await read(sessions)).turns[0].words] == ["Good", "morning"]


async def test_what_a_database_refuses_in_a_text_does_not_hold_up_the_facts(
    sessions: Sessions,
) -> None:
    poisoned: list[CallFact] = [
        started(caller_number="1\x002", called_number="\ud800"),
        caller_turn("nul \x00 and \udfff"),
        ToolRan(
            call_id=CALL,
            at=after(1),
            at_ms=1,
            run_id=whole_call()[8].run_id,  # type: ignore[union-attr]
            tool="t",
            arguments={"a\x00": "\x00", "nan": float("nan"), "big": 10**30},
            outcome=ToolOutcome.FAILED,
            result=["\x00", float("inf")],
            duration_ms=1,
            attempts=1,
        ),
        replace(ended(), stats={"jitter": float("nan")}, reason="x" * 5000),
    ]
    await write_facts(sessions, poisoned)
    call = await read(sessions)
    assert call.summary.caller_number == "12"
    assert call.summary.called_number == "?"
    assert call.tool_runs[0].arguments["nan"] is None
    assert call.stats == {"jitter": None}


async def test_partials_are_not_stored(sessions: Sessions) -> None:
    await write_facts(sessions, [CallerPartial(call_id=CALL, at=after(1), at_ms=1, text="wh")])
    with pytest.raises(NotFound):
        await read(sessions)
