from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import ProtocolError
from trunkline.model.conversation import (
    MAX_CLIENT_BYTES,
    MAX_KEPT_AUDIO_BYTES,
    MAX_RETRIEVED_AUDIO_BYTES,
    Conversation,
    Entry,
)
from trunkline.model.engine import ItemRole
from trunkline.model.heard_text import heard_text
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputTextPart,
    MessageItem,
    OpaqueItem,
    OutputAudioPart,
    assistant_message,
    item_text,
    system_message,
    user_message,
)

WORDS = (WordMark("Good", 0, 200), WordMark("morning", 200, 600), WordMark("caller", 650, 1000))


def spoken(conversation: Conversation, words: tuple[WordMark, ...] = WORDS) -> Entry:
    item = MessageItem(
        id="item_a",
        object="realtime.item",
        status="completed",
        role="assistant",
        content=(OutputAudioPart(transcript="Good morning, caller!"),),
    )
    entry, _ = conversation.add(item)
    entry.audio_ms, entry.words, entry.transcript = 1100.0, words, "Good morning, caller!"
    return entry


def test_items_are_kept_in_order_and_name_the_one_before() -> None:
    conversation = Conversation()
    first, before_first = conversation.create(user_message("one"), None)
    second, before_second = conversation.create(user_message("two"), None)
    middle, before_middle = conversation.create(system_message("mid", item_id="m"), first.item_id)
    front, before_front = conversation.create(user_message("zero"), "root")
    assert (before_first, before_front) == (None, None)
    assert before_second == before_middle == first.item_id
    assert [entry.item_id for entry in conversation] == [
        front.item_id,
        first.item_id,
        "m",
        second.item_id,
    ]
    assert middle.item.id == "m"


def test_a_created_item_is_completed_and_complete() -> None:
    entry, _ = Conversation().create(user_message("Hello"), None)
    assert isinstance(entry.item, MessageItem)
    assert entry.item.status == "completed" and entry.item.object == "realtime.item"


@pytest.mark.parametrize(
    ("item", "previous", "code"),
    [
        (user_message("x", item_id="taken"), None, "invalid_value"),
        (user_message("x", item_id="x" * 33), None, "string_above_max_length"),
        (user_message("x"), "item_nope", "invalid_value"),
        (OpaqueItem(type="mcp_call"), None, "invalid_value"),
        (FunctionCallOutputItem(call_id="call_nope", output="1"), None, "invalid_tool_call_id"),
        (MessageItem(role="user"), None, "missing_required_parameter"),
        (
            MessageItem(role="assistant", content=(OutputAudioPart(transcript="x"),)),
            None,
            "invalid_value",
        ),
        (MessageItem(role="system", content=(InputAudioPart(),)), None, "invalid_value"),
    ],
)
def test_what_cannot_be_an_item_changes_nothing(
    item: MessageItem | OpaqueItem | FunctionCallOutputItem, previous: str | None, code: str
) -> None:
    conversation = Conversation()
    conversation.create(user_message("first", item_id="taken"), None)
    with pytest.raises(ProtocolError) as caught:
        conversation.create(item, previous)
    assert caught.value.code == code
    assert len(conversation) == 1


def test_a_functions_output_belongs_to_a_call_of_this_conversation() -> None:
    conversation = Conversation()
    call, _ = conversation.create(FunctionCallItem(name="f", arguments="{}", call_id="c1"), None)
    output, _ = conversation.create(FunctionCallOutputItem(call_id="c1", output="42"), None)
    history = conversation.history()
    assert [item.role for item in history] == [ItemRole.FUNCTION_CALL, ItemRole.FUNCTION_OUTPUT]
    assert (history[0].name, history[1].text, history[1].call_id) == ("f", "42", "c1")
    assert call.item_id != output.item_id


def test_a_deleted_item_is_gone_and_cannot_be_deleted_twice() -> None:
    conversation = Conversation()
    entry, _ = conversation.create(user_message("bye"), None)
    conversation.delete(entry.item_id)
    assert conversation.history() == ()
    for act in (conversation.delete, conversation.retrieve):
        with pytest.raises(ProtocolError):
            act(entry.item_id)


def test_a_truncated_item_keeps_only_what_was_heard() -> None:
    conversation = Conversation()
    entry = spoken(conversation)
    conversation.truncate("item_a", 0, 620)
    assert item_text(entry.item) == "Good morning"
    assert conversation.history()[0].text == "Good morning"
    assert conversation.input_tokens() == (0, 13)


def test_truncation_only_ever_takes_away() -> None:
    conversation = Conversation()
    entry = spoken(conversation)
    conversation.truncate("item_a", 0, 250)
    conversation.truncate("item_a", 0, 1000)
    assert item_text(entry.item) == "Good"


def test_truncation_at_zero_leaves_nothing_and_a_frame_too_much_is_forgiven() -> None:
    conversation = Conversation()
    entry = spoken(conversation)
    conversation.truncate("item_a", 0, 1120)
    assert item_text(entry.item) == "Good morning, caller!"
    conversation.truncate("item_a", 0, 0)
    assert item_text(entry.item) == ""


def test_a_truncation_beyond_the_end_is_refused_with_both_numbers() -> None:
    conversation = Conversation()
    spoken(conversation)
    with pytest.raises(ProtocolError, match="1100ms is already shorter than 5000ms"):
        conversation.truncate("item_a", 0, 5000)


@pytest.mark.parametrize("item", [user_message("x"), assistant_message("written")])
def test_only_agent_speech_can_be_truncated(item: MessageItem) -> None:
    conversation = Conversation()
    entry, _ = conversation.create(item, None)
    with pytest.raises(ProtocolError) as caught:
        conversation.truncate(entry.item_id, 0, 0)
    assert caught.value.code == "unsupported_content_type"


def test_a_truncation_of_a_running_item_outlives_its_end() -> None:
    conversation = Conversation()
    entry = spoken(conversation)
    whole = entry.item
    conversation.truncate("item_a", 0, 300)
    assert item_text(conversation.settle(entry, whole)) == "Good"


@given(end_ms=st.integers(min_value=0, max_value=1200))
def test_what_is_heard_is_a_beginning_of_what_was_said_and_no_word_too_many(end_ms: int) -> None:
    text = "Good morning, caller!"
    heard = heard_text(text, WORDS, end_ms, 1100)
    assert text.startswith(heard)
    assert len(heard.split()) == sum(word.end_ms <= end_ms for word in WORDS)


def test_without_word_times_the_share_of_the_audio_counts_and_rounds_down() -> None:
    assert heard_text("one two three four", (), 740, 1000) == "one two"
    assert heard_text("", (), 500, 1000) == ""


def test_marks_that_do_not_read_as_the_text_still_cut_it() -> None:
    words = (WordMark("one", 0, 100), WordMark("eighty", 100, 300), WordMark("two", 300, 400))
    assert heard_text("182", words, 300, 400) == "one eighty"


def test_what_the_caller_said_enters_the_history_when_it_is_understood() -> None:
    conversation = Conversation()
    item = MessageItem(id="u", role="user", content=(InputAudioPart(),))
    entry, _ = conversation.add(item)
    entry.is_understood, entry.audio_ms = False, 1000.0
    conversation.understood("u", "my balance", 0.8)
    assert entry.is_understood
    said = conversation.history()[0]
    assert (said.text, said.confidence, said.was_audio) == ("my balance", 0.8, True)
    assert conversation.input_tokens() == (0, 10)
    conversation.understood("gone", "x", None)


def test_kept_audio_is_bounded_per_item_and_per_session() -> None:
    conversation = Conversation()
    entries = [conversation.add(user_message("x", item_id=f"i{n}"))[0] for n in range(20)]
    conversation.keep_audio(entries[0], bytes(MAX_RETRIEVED_AUDIO_BYTES + 1))
    assert entries[0].payload == b""
    for entry in entries:
        conversation.keep_audio(entry, bytes(MAX_RETRIEVED_AUDIO_BYTES))
    assert sum(len(entry.payload) for entry in entries) <= MAX_KEPT_AUDIO_BYTES
    assert entries[-1].payload and not entries[0].payload


def test_a_client_may_write_text_of_every_role() -> None:
    conversation = Conversation()
    for item in (user_message("u"), system_message("s"), assistant_message("a")):
        conversation.create(item, None)
    assert [item.role for item in conversation.history()] == [
        ItemRole.USER,
        ItemRole.SYSTEM,
        ItemRole.ASSISTANT,
    ]
    assert isinstance(next(iter(conversation)).item, MessageItem)
    assert InputTextPart(text="u").model_dump() == {"type": "input_text", "text": "u"}


def test_what_a_client_puts_in_is_bounded_and_deleting_makes_room() -> None:
    conversation = Conversation()
    text = "x" * 250_000
    big = MessageItem(role="user", content=tuple(InputTextPart(text=text) for _ in range(16)))
    entries: list[Entry] = []
    with pytest.raises(ProtocolError, match="delete some") as refused:
        while len(entries) < 100:
            entries.append(conversation.create(big, None)[0])
    assert refused.value.code == "conversation_full"
    assert len(conversation) == len(entries) == MAX_CLIENT_BYTES // (16 * 250_000)
    conversation.create(user_message("a word still fits"), None)
    conversation.delete(entries[0].item_id)
    conversation.create(big, None)
