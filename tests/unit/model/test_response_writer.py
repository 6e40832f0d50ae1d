from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.response_order import check_responses, of_response

from trunkline.domain.audio import WordMark
from trunkline.model.conversation import Conversation
from trunkline.model.prompt_cache import InputTokens
from trunkline.model.response_shape import (
    COMPLETED,
    Ending,
    Events,
    ResponseShape,
    cancelled,
    failed,
    incomplete,
)
from trunkline.model.response_writer import ResponseWriter
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import MessageItem, item_text
from trunkline.realtime.session import PcmFormat

STEPS = st.lists(
    st.sampled_from(["speech", "transcript", "text", "call", "truncate", "delete"]), max_size=12
)
ENDINGS = st.sampled_from(
    [
        COMPLETED,
        cancelled("turn_detected"),
        incomplete("max_output_tokens"),
        failed("engine_error", "as scripted"),
    ]
)


def writer(conversation: Conversation | None, limit: int | None = None) -> ResponseWriter:
    shape = ResponseShape(
        "resp_1", "audio", PcmFormat(), "marin", "inf" if limit is None else limit, {"k": "v"}
    )
    return ResponseWriter(shape, conversation, input_tokens=InputTokens(3, 4))


def spoken(one: ResponseWriter) -> Events:
    return [
        *one.begin(),
        *one.transcript("Good ", (WordMark("Good", 0, 100),)),
        *one.speech(b"\0" * 4800, 100.0),
        *one.transcript("morning", (WordMark("morning", 100, 200),)),
        *one.speech(b"\0" * 4800, 100.0),
    ]


@given(steps=STEPS, ending=ENDINGS, in_band=st.booleans())
def test_any_course_of_a_response_keeps_the_order(
    steps: list[str], ending: Ending, in_band: bool
) -> None:
    conversation = Conversation() if in_band else None
    one = writer(conversation)
    events = one.begin()
    for step in steps:
        last = conversation.last_id if conversation is not None else None
        entry = conversation.get(last) if conversation is not None and last else None
        match step:
            case "speech":
                events += one.speech(b"\0\0" * 480, 20.0)
            case "transcript":
                events += one.transcript("word ")
            case "text":
                events += one.text("written ")
            case "call":
                events += one.call("tool", '{"a":1}')
            case "truncate" if conversation is not None and entry is not None and entry.audio_ms:
                conversation.truncate(entry.item_id, 0, 10)
    events += one.finish(ending)
    check_responses(events)
    assert one.finish(COMPLETED) == [] and one.text("late") == [] and one.speech(b"x", 1) == []


def test_a_spoken_answer_is_told_in_full_at_its_end() -> None:
    conversation = Conversation()
    one = writer(conversation)
    events = [*spoken(one), *one.finish(COMPLETED)]
    check_responses(events)
    done = events[-1]
    assert isinstance(done, ev.ResponseDone)
    assert item_text(done.response.output[0]) == "Good morning"
    assert done.response.metadata == {"k": "v"}
    assert done.response.conversation_id == conversation.conversation_id
    assert conversation.has_spoken
    assert conversation.history()[0].text == "Good morning"


def test_usage_counts_text_audio_and_input() -> None:
    one = writer(None)
    events = [*spoken(one), *one.finish(COMPLETED)]
    done = events[-1]
    assert isinstance(done, ev.ResponseDone) and done.response.usage is not None
    usage = done.response.usage
    assert usage.output_token_details.audio_tokens == 4  # 200 ms
    assert usage.output_token_details.text_tokens == 4  # "Good " and "morning", rounded up
    assert (usage.input_tokens, usage.total_tokens) == (7, 15)


def test_an_engines_own_counts_win() -> None:
    one = writer(None)
    events = [*one.begin(), *one.text("x")]
    events += one.finish(COMPLETED, input_tokens={"text": 10}, output_tokens={"audio": 5})
    done = events[-1]
    assert isinstance(done, ev.ResponseDone) and done.response.usage is not None
    # Its text, which it did not count, by ours: one token.
    assert (done.response.usage.input_tokens, done.response.usage.output_tokens) == (10, 6)


def test_a_failed_response_costs_nothing_and_says_why() -> None:
    one = writer(None)
    done = [*one.begin(), *one.finish(failed("engine_error", "no voice"))][-1]
    assert isinstance(done, ev.ResponseDone) and done.response.usage is not None
    assert done.response.usage.total_tokens == 0
    assert done.response.status_details is not None
    assert done.response.status_details.error is not None
    assert done.response.status_details.error.message == "no voice"


def test_a_cancelled_answer_closes_its_open_parts_as_incomplete() -> None:
    conversation = Conversation()
    one = writer(conversation)
    events = [*spoken(one), *one.finish(cancelled("turn_detected"))]
    check_responses(events)
    item = next(event.item for event in events if isinstance(event, ev.OutputItemDone))
    assert isinstance(item, MessageItem) and item.status == "incomplete"


def test_what_was_truncated_while_it_ran_stays_truncated() -> None:
    conversation = Conversation()
    one = writer(conversation)
    events = spoken(one)
    conversation.truncate(str(conversation.last_id), 0, 120)
    events += one.finish(cancelled("client_cancelled"))
    check_responses(events)
    assert conversation.history()[0].text == "Good"


def test_an_item_deleted_while_it_ran_does_not_come_back() -> None:
    conversation = Conversation()
    one = writer(conversation)
    events = spoken(one)
    conversation.delete(str(conversation.last_id))
    events += one.finish(COMPLETED)
    assert conversation.history() == ()
    assert not any(isinstance(event, ev.ItemDone) for event in events)
    assert isinstance(events[-1], ev.ResponseDone)


def test_an_out_of_band_answer_belongs_to_no_conversation() -> None:
    one = writer(None)
    events = [*spoken(one), *one.call("f", "{}", ("/a",)), *one.finish(COMPLETED)]
    check_responses(events)
    created = events[0]
    assert isinstance(created, ev.ResponseCreated)
    assert created.response.conversation_id is None
    final = next(event for event in events if isinstance(event, ev.FunctionArgumentsDone))
    assert final.x_synthesised == ("/a",)


def test_a_call_after_speech_is_an_item_of_its_own() -> None:
    one = writer(Conversation())
    events = [*spoken(one), *one.call("f", "{}"), *one.finish(COMPLETED)]
    check_responses(events)
    done = events[-1]
    assert isinstance(done, ev.ResponseDone)
    assert [item.type for item in done.response.output] == ["message", "function_call"]
    assert of_response(events, "resp_1")[-1] is done


@pytest.mark.parametrize(("limit", "left"), [(None, float("inf")), (10, 2)])
def test_the_token_limit_counts_speech_and_its_text(limit: int | None, left: float) -> None:
    one = writer(None, limit)
    spoken(one)
    assert one.tokens_left == left
