"""The board folds facts, survives repetition, gaps and a storage that lags."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.story import START, Story, balance_call, whole_call

from trunkline.dashboard.assets import Assets
from trunkline.dashboard.live_board import (
    ENDED_KEPT_S,
    ENDED_SHOWN_S,
    MAX_ENTRIES,
    LiveBoard,
    LiveCall,
    format_stream_id,
    parse_stream_id,
)
from trunkline.dashboard.live_rows import LiveRows
from trunkline.dashboard.render import Pages
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.events import ApprovalHeard, ApprovalParked, CallFact, QueuePlaced
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import ApprovalView, CallSummary


def told(facts: list[CallFact]) -> LiveBoard:
    board = LiveBoard()
    for place, fact in enumerate(facts, start=1):
        board.apply((1000, place), fact)
    return board


def call_of(board: LiveBoard) -> LiveCall:
    (call,) = board.calls.values()
    return call


async def stored_summary(office: Office, story: Story) -> CallSummary:
    await office.store(story.facts)
    async with office.sessions.reading() as session:
        return await CallRepository(session).summary(story.call_id)


def test_a_call_is_shown_with_its_last_words_step_and_state() -> None:
    story = Story()
    scenes = balance_call(story)
    for _ in range(4):
        next(scenes)
    call = call_of(told(story.facts))
    assert (call.caller_number, call.called_number, call.agent) == ("+4930123456", "100", "energy")
    assert (call.state, call.step) == (CallState.ANSWERED, "ask_account")
    assert call.caller_text == "hi what's my balance please"
    assert call.agent_text == "What is your eight digit account number?"
    assert call.last_speaker is Speaker.AGENT


def test_a_call_in_a_queue_is_shown_with_its_place_until_it_leaves() -> None:
    story = Story()
    story.ring()
    story.answer()
    story.step("hold")
    for position in (3, 2):
        story.add(QueuePlaced(story.call_id, story.at(), 900, "support", position, 120_000))
    call = call_of(told(story.facts))
    assert (call.queue, call.position) == ("support", 2)
    assert "In queue support, position 2" in LiveRows(Pages(Assets())).row(call, can_hang_up=False)
    story.add(QueuePlaced(story.call_id, story.at(), 5000, "support", 0))
    call = call_of(told(story.facts))
    assert "In queue" not in LiveRows(Pages(Assets())).row(call, can_hang_up=False)


def test_what_the_caller_is_saying_gives_way_to_what_was_said() -> None:
    story = Story()
    story.partial("hi what's")
    assert call_of(told(story.facts)).partial == "hi what's"
    story.turn(Speaker.CALLER, "hi what's my balance")
    call = call_of(told(story.facts))
    assert (call.partial, call.caller_text) == ("", "hi what's my balance")


def test_a_backchannel_does_not_replace_the_callers_last_words() -> None:
    story = Story()
    story.turn(Speaker.CALLER, "my balance")
    story.turn(Speaker.AGENT, "you owe a lot")
    story.turn(Speaker.CALLER, "uh huh", kind=TurnKind.BACKCHANNEL)
    call = call_of(told(story.facts))
    assert call.caller_text == "my balance"
    assert call.last_speaker is Speaker.AGENT


def test_a_fact_that_was_seen_before_changes_nothing() -> None:
    story = Story()
    story.ring()
    board = told(story.facts)
    story.end()
    assert board.apply((1000, 1), story.facts[-1]) is None
    assert call_of(board).is_live


def test_a_parked_tool_call_asks_for_attention() -> None:
    story = Story()
    story.ring()
    story.park("pay_bill", {"amount": "240.50"})
    assert call_of(told(story.facts)).waiting_approvals == 1


@pytest.mark.parametrize(("state", "waiting"), [("escalated", 1), ("executing", 0), ("done", 0)])
def test_a_request_asks_for_attention_until_somebody_has_decided(state: str, waiting: int) -> None:
    story = Story()
    story.ring()
    story.park("pay_bill", {"amount": "240.50"})
    parked = story.facts[-1]
    assert isinstance(parked, ApprovalParked)
    heard = ApprovalHeard(
        parked.call_id, parked.at, 9000, parked.approval_id, parked.run_id, 3, state
    )
    call = call_of(told([*story.facts, heard]))
    assert call.waiting_approvals == waiting
    (entry,) = [kept for _, kept in call.entries.values() if kept.kind == "approval"]
    assert isinstance(entry.subject, ApprovalView)
    assert entry.subject.state == state


async def test_a_call_whose_start_was_trimmed_away_is_named_by_storage(office: Office) -> None:
    story = Story()
    story.ring()
    summary = await stored_summary(office, story)
    board = told([story.partial("hello")])
    assert not call_of(board).is_known
    board.reconcile([summary], START)
    assert (call_of(board).is_known, call_of(board).partial) == (True, "hello")
    assert call_of(board).caller_number == "+4930123456"


async def test_storage_names_a_call_the_stream_no_longer_tells_of(office: Office) -> None:
    story = Story()
    story.ring()
    story.answer()
    summary = await stored_summary(office, story)
    board = LiveBoard()
    assert board.reconcile([summary], START) == {story.call_id}
    call = call_of(board)
    assert (call.is_known, call.caller_number, call.state) == (
        True,
        "+4930123456",
        CallState.ANSWERED,
    )
    assert board.reconcile([summary], START) == set()


async def test_a_lagging_storage_does_not_bring_an_ended_call_back(office: Office) -> None:
    story = Story()
    story.ring()
    summary = await stored_summary(office, story)
    story.end()
    board = told(story.facts)
    board.reconcile([summary], START + timedelta(seconds=1))
    assert not call_of(board).is_live


def test_a_call_storage_does_not_know_yet_is_left_alone_for_a_while() -> None:
    story = Story()
    story.ring()
    board = told(story.facts)
    assert board.reconcile([], START + timedelta(seconds=5)) == set()
    assert board.reconcile([], START + timedelta(seconds=11)) == {story.call_id}
    assert not call_of(board).is_live


async def test_without_a_stream_state_and_step_come_from_storage(office: Office) -> None:
    story = Story()
    story.ring()
    board = told(story.facts)
    summary = await stored_summary(office, story)
    moved = replace(summary, state=CallState.ANSWERED, step="balance", answered_at=START)
    assert board.refresh([moved]) == {story.call_id}
    assert (call_of(board).state, call_of(board).step) == (CallState.ANSWERED, "balance")
    assert board.refresh([moved]) == set()


def test_an_ended_call_is_shown_a_moment_kept_a_while_and_forgotten() -> None:
    story = Story()
    for _ in balance_call(story):
        pass
    story.end(EndCause.CALLER_HANGUP)
    board = told(story.facts)
    call = call_of(board)
    ended = call.ended_at
    assert ended is not None and call.end_cause is EndCause.CALLER_HANGUP
    assert board.shown(ended + timedelta(seconds=ENDED_SHOWN_S)) == [call]
    assert board.shown(ended + timedelta(seconds=ENDED_SHOWN_S + 1)) == []
    board.forget(ended + timedelta(seconds=ENDED_KEPT_S))
    assert board.calls
    board.forget(ended + timedelta(seconds=ENDED_KEPT_S + 1))
    assert not board.calls


def test_calls_are_shown_oldest_first() -> None:
    late, early = Story(CallId("call_a"), START + timedelta(minutes=1)), Story(CallId("call_b"))
    late.ring()
    early.ring()
    board = told(late.facts + early.facts)
    assert [call.call_id for call in board.shown(START)] == ["call_b", "call_a"]
    assert board.live_count == 2


def test_a_reader_gets_only_entries_it_has_not_seen() -> None:
    board = told(whole_call())
    call = call_of(board)
    everything = list(call.entries_after(None))
    middle = everything[5][0]
    assert list(call.entries_after(middle)) == everything[6:]
    assert list(call.entries_after(call.version)) == []


def test_a_very_long_call_keeps_its_newest_entries() -> None:
    story = Story()
    for _ in range(MAX_ENTRIES + 10):
        story.turn(Speaker.CALLER, "yes", words=())
    call = call_of(told(story.facts))
    assert len(call.entries) == MAX_ENTRIES
    assert list(call.entries)[-1] == f"turn_call_story_{MAX_ENTRIES + 10}"


@pytest.mark.parametrize("text", ["", "7", "7-", "-7", "a-1", "1-b", "1-2-3", "9" * 50 + "-1"])
def test_what_is_no_stream_id_reads_as_none(text: str) -> None:
    assert parse_stream_id(text) is None


def test_a_stream_id_reads_back_as_written() -> None:
    assert parse_stream_id(format_stream_id((1763716800000, 3))) == (1763716800000, 3)
