"""What is sent to a language model, and how its answer is put together."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import EngineError
from trunkline.model.cascade.hosted.breaker import Breaker
from trunkline.model.cascade.hosted.chat_request import chat_body
from trunkline.model.cascade.hosted.chat_stream import ChatAnswer, ThoughtFilter
from trunkline.model.cascade.hosted.sse import SseReader
from trunkline.model.cascade.text_pieces import TextPieces
from trunkline.model.engine import EngineConfig, HistoryItem, ItemRole
from trunkline.model.plain_tools import plain_tool

ROLES = st.sampled_from(list(ItemRole))


def body(*history: HistoryItem, **config: Any) -> dict[str, Any]:
    return chat_body(
        EngineConfig(model="m", **config), history,
        model="gpt", temperature=None, token_limit_field="max_tokens",
    )  # fmt: skip


@given(st.lists(st.tuples(ROLES, st.sampled_from(["", "a", "b"]), st.integers(0, 3)), max_size=12))
def test_every_conversation_is_one_that_chat_servers_take(
    spec: list[tuple[ItemRole, str, int]],
) -> None:
    """Each call is followed at once by its result, and no result stands alone."""
    history = [
        HistoryItem(f"i{n}", role, text=text, name="f", arguments="{}", call_id=f"c{n}" if
                    role is ItemRole.FUNCTION_CALL else f"c{at}")
        for n, (role, text, at) in enumerate(spec)
    ]  # fmt: skip
    messages = body(*history)["messages"]
    assert messages[0]["role"] == "system"
    owed: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert owed and message["tool_call_id"] == owed.pop(0)
            assert message["content"]
            continue
        assert not owed
        owed = [call["id"] for call in message.get("tool_calls", ())]
        assert message["content"] or owed
    assert not owed
    said = [m["content"] for m in messages if m["role"] == "assistant" and m["content"]]
    assert said == [i.text for i in history if i.role is ItemRole.ASSISTANT and i.text]


def test_a_limit_and_a_choice_go_along_only_where_they_mean_something() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    assert "tool_choice" not in body(tool_choice="required")
    chosen = body(tools=(tool,), tool_choice={"type": "function", "name": "f"})
    assert chosen["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body(max_output_tokens=9)["max_tokens"] == 9


def test_annotations_are_told_in_words() -> None:
    tool = {
        "name": "collect_day", "description": "Report the day.",
        "parameters": {
            "type": "object",
            "properties": {
                "day": {
                    "type": "string", "description": "delivery day",
                    "x-trunkline": {
                        "kind": "date", "ask": "Which day?", "today": "2026-11-21",
                        "confirm": "always", "read_back": "On {value}?",
                        "reprompts": ["Say a day, please."],
                    },
                },
            },
        },
        "x-trunkline": {"role": "collect"},
    }  # fmt: skip
    plain = plain_tool(tool)
    assert "x-trunkline" not in orjson.dumps(plain).decode()
    told = plain["parameters"]["properties"]["day"]["description"]
    for words in ("delivery day", "Which day?", "YYYY-MM-DD", "2026-11-21", "On {value}?",
                  "Say a day, please.", "wait for a yes"):  # fmt: skip
        assert words in told
    assert tool["x-trunkline"] == {"role": "collect"}  # what was given is left as it was


@given(st.binary(max_size=60), st.data())
def test_events_are_read_the_same_however_they_were_cut(noise: bytes, data: Any) -> None:
    text = f"data: {noise.hex()}\r\n\n: comment\n\ndata: a\ndata: b\n\nevent: x\ndata:c".encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    reader, found = SseReader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += reader.feed(text[begin:end])
    found += reader.feed(b"", is_last=True)
    assert found == ([noise.hex()] if noise else [""]) + ["a\nb", "c"]


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_rubbish_is_an_error_or_nothing_and_never_a_crash(chunks: list[bytes]) -> None:
    reader = SseReader()
    try:
        for chunk in chunks:
            reader.feed(chunk)
        reader.feed(b"", is_last=True)
    except EngineError:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "message", "content", "tool_calls", "function",
                         "index", "name", "arguments", "usage", "error", "finish_reason", "id",
                         "prompt_tokens", "prompt_tokens_details", "refusal"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(["choices", "usage", "error"]), JSON), max_size=4))
def test_chunks_of_every_shape_are_taken_or_refused(chunks: list[dict[str, Any]]) -> None:
    answer = ChatAnswer()
    try:
        for chunk in chunks:
            assert isinstance(answer.take(chunk), str)
        assert all(call.name for call in answer.calls)
    except EngineError:
        pass


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "a b", "/", ">"])))
def test_thoughts_are_cut_out_wherever_the_chunks_end(parts: list[str]) -> None:
    whole, split = ThoughtFilter(), ThoughtFilter()
    text = "".join(parts)
    at_once = whole.feed(text) + whole.rest()
    letter_by_letter = "".join(split.feed(letter) for letter in text) + split.rest()
    assert at_once == letter_by_letter
    assert "<think>" not in at_once


@given(st.lists(st.text(alphabet="ab.,!? \n", max_size=8), max_size=40))
def test_pieces_to_voice_join_to_what_was_written(deltas: list[str]) -> None:
    pieces = TextPieces()
    spoken = "".join(piece for delta in deltas for piece, _ in pieces.feed(delta))
    assert spoken + pieces.rest() == "".join(deltas)


def test_the_first_clause_is_voiced_before_the_sentence_is_written() -> None:
    pieces = TextPieces()
    ready = pieces.feed("Good morning to all of you, I am ")
    assert [text for text, _ in ready] == ["Good morning to all of you, "]


@pytest.mark.parametrize("probe_succeeds", [True, False])
def test_a_breaker_opens_probes_once_and_closes(probe_succeeds: bool) -> None:
    breaker = Breaker(2, 10.0)
    for now_s in (0.0, 1.0):
        assert breaker.admit(now_s)
        breaker.failed(now_s)
    assert not breaker.admit(10.9)
    assert breaker.would_admit(11.0)
    assert breaker.admit(11.0)
    assert not breaker.admit(11.0)  # one probe at a time
    if probe_succeeds:
        breaker.succeeded()
        assert breaker.admit(11.1) and not breaker.is_open
    else:
        breaker.failed(11.1)
        assert not breaker.admit(21.0)
        assert breaker.admit(21.2)


def test_a_far_end_that_asks_for_rest_opens_it_at_once_and_an_abandoned_probe_blames_nobody() -> (
    None
):
    breaker = Breaker(5, 1.0)
    assert breaker.admit(0.0)
    breaker.failed(0.0, rest_s=60.0)
    assert not breaker.admit(59.0)
    assert breaker.admit(60.0)
    breaker.abandoned()
    assert breaker.admit(60.0)


def test_images_and_the_effort_reach_only_a_far_end_that_takes_them() -> None:
    config = EngineConfig("m", reasoning_effort="low")
    shown = HistoryItem("i1", ItemRole.USER, text="what is it", images=("data:image/png;base64,A",))
    bare = HistoryItem("i2", ItemRole.USER, images=("data:image/jpeg;base64,B",))
    body = chat_body(
        config,
        (shown, bare),
        model="m",
        temperature=None,
        token_limit_field="max_tokens",
        takes_reasoning_effort=True,
    )
    assert body["reasoning_effort"] == "low"
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "image_url"]
    url = body["messages"][2]["content"][0]["image_url"]["url"]
    assert url == "data:image/jpeg;base64,B"
    plain = chat_body(config, (), model="m", temperature=None, token_limit_field="max_tokens")
    assert "reasoning_effort" not in plain
