"""The contract's error table over a real socket: what is answered, and nothing else changes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import Live, live

pytestmark = pytest.mark.peers

AUDIO = base64.b64encode(bytes(480)).decode()  # 10 ms
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
FUNCTION = {"type": "function", "name": "f"}
CREATE = "conversation.item.create"
UPDATE = "session.update"


def _session(**fields: Any) -> dict[str, Any]:
    return {"type": UPDATE, "session": {"type": "realtime", **fields}}


def _input(**fields: Any) -> dict[str, Any]:
    return _session(audio={"input": fields})


def _output(**fields: Any) -> dict[str, Any]:
    return _session(audio={"output": fields})


def _item(**item: Any) -> dict[str, Any]:
    return {"type": CREATE, "item": item}


def _response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def _truncate(item_id: str, **fields: Any) -> dict[str, Any]:
    where = {"item_id": item_id, "content_index": 0, "audio_end_ms": 0, **fields}
    return {"type": "conversation.item.truncate", **where}


# An event, the code of its answer and the parameter that is named.
TABLE: list[tuple[dict[str, Any], str, str | None]] = [
    ({"type": "no.such.event"}, "invalid_value", "type"),
    ({}, "invalid_event", "type"),
    ({"type": 7}, "invalid_event", "type"),
    ({"type": ["session.update"]}, "invalid_event", "type"),
    ({"type": UPDATE}, "missing_required_parameter", "session"),
    ({"type": UPDATE, "session": None}, "invalid_type", "session"),
    ({"type": UPDATE, "session": [1]}, "invalid_type", "session"),
    ({"type": UPDATE, "session": {}}, "missing_required_parameter", "session.type"),
    ({"type": UPDATE, "session": {"type": "transcription"}}, "invalid_value", "session.type"),
    (_session(modalities=["text"]), "unknown_parameter", "session.modalities"),
    (_session(temperature=0.8), "unknown_parameter", "session.temperature"),
    (_session(output_modalities=["audio", "text"]), "array_above_max_length", None),
    (_session(max_output_tokens=0), "integer_below_min_value", "session.max_output_tokens"),
    (_session(max_output_tokens=4097), "integer_above_max_value", "session.max_output_tokens"),
    (_session(instructions=5), "invalid_type", "session.instructions"),
    (_session(instructions="x" * 300_000), "string_above_max_length", "session.instructions"),
    (_session(tool_choice="perhaps"), "invalid_value", "session.tool_choice"),
    (_session(tools=[FUNCTION, FUNCTION]), "invalid_value", None),
    (_session(tools=[{"type": "magic"}]), "invalid_value", "session.tools.0"),
    (_session(prompt={"id": "pmpt_1"}), "invalid_value", "session.prompt"),
    (_session(truncation="never"), "invalid_value", "session.truncation"),
    (_session(reasoning={"effort": "wild"}), "invalid_value", "session.reasoning.effort"),
    (
        _session(include=["item.input_audio_transcription.logprobs"]),
        "unsupported_parameter",
        "session.include",
    ),
    (_session(include=["everything"]), "invalid_value", "session.include.0"),
    (_input(format={"type": "audio/pcm", "rate": 16000}), "invalid_value", None),
    (
        _input(turn_detection={"type": "psychic_vad"}),
        "invalid_value",
        "session.audio.input.turn_detection",
    ),
    (
        _input(turn_detection={"type": "server_vad", "threshold": 1.5}),
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        _input(turn_detection={"type": "server_vad", "idle_timeout_ms": 100}),
        "integer_below_min_value",
        "session.audio.input.turn_detection.idle_timeout_ms",
    ),
    (
        _input(noise_reduction={"type": "total"}),
        "invalid_value",
        "session.audio.input.noise_reduction.type",
    ),
    (_output(speed=0.1), "decimal_below_min_value", "session.audio.output.speed"),
    (_output(speed=4.5), "decimal_above_max_value", "session.audio.output.speed"),
    (_output(voice="nobody"), "invalid_value", "session.audio.output.voice"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
    ({"type": "input_audio_buffer.append", "audio": "@@@@"}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.append", "audio": AUDIO[:-1]}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
    ({"type": CREATE}, "missing_required_parameter", "item"),
    (_item(type="message", role="user"), "missing_required_parameter", "item.content"),
    (_item(type="message", role="king", content=[]), "invalid_value", "item.role"),
    (_item(type="poem"), "invalid_value", "item.type"),
    (_item(**USER, id="i" * 33), "string_above_max_length", "item.id"),
    ({"type": CREATE, "item": USER, "previous_item_id": "none"}, "invalid_value", None),
    (
        _item(type="function_call_output", call_id="call_none", output="1"),
        "invalid_tool_call_id",
        "item.call_id",
    ),
    (
        _item(type="mcp_approval_response", approval_request_id="none", approve=True),
        "invalid_value",
        "item.approval_request_id",
    ),
    (
        {"type": "conversation.item.retrieve", "item_id": "none"},
        "item_retrieve_invalid_item_id",
        "item_id",
    ),
    ({"type": "conversation.item.retrieve"}, "missing_required_parameter", "item_id"),
    (
        {"type": "conversation.item.delete", "item_id": "none"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    (_truncate("none"), "item_truncate_invalid_item_id", "item_id"),
    (_truncate("known"), "unsupported_content_type", "item_id"),
    (_truncate("known", audio_end_ms=-1), "integer_below_min_value", "audio_end_ms"),
    (_truncate("known", audio_end_ms="1"), "invalid_type", "audio_end_ms"),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
    ({"type": "response.cancel", "response_id": "x"}, "response_cancel_not_active", None),
    (_response(conversation="both"), "invalid_value", "response.conversation"),
    (_response(modalities=["text"]), "unknown_parameter", "response.modalities"),
    (_response(tool_choice=FUNCTION), "invalid_value", "response.tool_choice"),
    (_response(prompt={"id": "pmpt_1"}), "invalid_value", "response.prompt"),
    (
        _response(input=[{"type": "item_reference", "id": "none"}]),
        "invalid_value",
        "response.input.0.id",
    ),
    (_response(input=[{"type": "poem"}]), "invalid_value", "response.input.0.type"),
    (
        _response(input=[{"type": "message", "role": "user", "content": []}]),
        "missing_required_parameter",
        "response.input.0.content",
    ),
    (
        _response(metadata={str(number): "" for number in range(17)}),
        "array_above_max_length",
        "response.metadata",
    ),
    (_response(metadata={"k": "v" * 513}), "string_above_max_length", "response.metadata.k"),
]


async def answer_to(session: Live, event: dict[str, Any], event_id: str) -> dict[str, Any]:
    await session.socket.send(json.dumps({"event_id": event_id, **event}))
    answer = await session.next()
    assert answer["type"] == "error", (event, answer)
    error: dict[str, Any] = answer["error"]
    assert answer["event_id"] and error["message"] and error["type"] == "invalid_request_error"
    return error


async def test_every_wrong_event_is_named_by_code_parameter_and_its_own_id(
    running: RunningServer,
) -> None:
    async with live(running) as session:
        await session.send(CREATE, item={**USER, "id": "known"})
        await session.until("conversation.item.done")
        before = (await session.update())["session"]
        wrong = []
        for number, (event, code, param) in enumerate(TABLE):
            error = await answer_to(session, event, f"evt_{number}")
            assert error["event_id"] == f"evt_{number}"
            if error["code"] != code or (param is not None and error["param"] != param):
                wrong.append((event, error["code"], error["param"], code, param))
        assert not wrong
        assert (await session.update())["session"] == before
        assert await session.answers()


async def test_a_response_may_refer_to_items_of_the_conversation(running: RunningServer) -> None:
    async with live(running) as session:
        for number, text in enumerate(("first", "second")):
            content = [{"type": "input_text", "text": text}]
            await session.send(CREATE, item={**USER, "id": f"item_{number}", "content": content})
        reference = {"type": "item_reference", "id": "item_0"}
        fields = {"conversation": "none", "input": [reference], "output_modalities": ["text"]}
        await session.send("response.create", response=fields)
        done = await session.until("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "You said: first"


async def test_errors_of_a_conversation_that_has_spoken(running: RunningServer) -> None:
    async with live(running) as session:
        await session.say("hello")
        await session.send("response.create")
        done = await session.until("response.done")
        item_id = done["response"]["output"][0]["id"]
        error = await answer_to(session, _output(voice="cedar"), "evt_voice")
        assert error["code"] == "cannot_update_voice"
        error = await answer_to(session, _truncate(item_id, audio_end_ms=10**7), "evt_long")
        assert error["code"] == "invalid_value"
        assert "is already shorter than 10000000ms" in error["message"]
        await session.say("long")
        await session.send("response.create")
        await session.until("response.output_audio.delta")
        await session.send("response.create", event_id="evt_second")
        error = (await session.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "evt_second"
        await session.send("session.update", session=_output(speed=2.0)["session"])
        assert (await session.until("error"))["error"]["param"] == "session.audio.output.speed"
        await session.send("response.cancel")
        assert (await session.until("response.done"))["response"]["status"] == "cancelled"


async def test_beta_names_its_own_flat_fields(running: RunningServer) -> None:
    headers = {"Authorization": "Bearer good", "OpenAI-Beta": "realtime=v1"}
    table = [
        ({"audio": {}}, "unknown_parameter", "session.audio"),
        ({"temperature": 2}, "decimal_above_max_value", "session.temperature"),
        ({"input_audio_format": "opus"}, "invalid_value", "session.input_audio_format"),
        ({"modalities": ["audio"]}, "invalid_value", "session.modalities"),
        ({"voice": "nobody"}, "invalid_value", "session.voice"),
    ]
    async with live(running, additional_headers=headers) as session:
        await session.until("conversation.created")
        for number, (fields, code, param) in enumerate(table):
            event = {"type": UPDATE, "session": fields}
            error = await answer_to(session, event, f"evt_{number}")
            assert (error["code"], error["param"]) == (code, param)
            assert error["event_id"] == f"evt_{number}"


async def test_audio_may_be_split_anywhere_and_is_bounded(running: RunningServer) -> None:
    append = "input_audio_buffer.append"
    async with live(running) as session:
        await session.update(audio={"input": {"turn_detection": None}})
        tone = bytes(range(256)) * 60
        for begin in range(0, len(tone), 777):  # half samples
            part = base64.b64encode(tone[begin : begin + 777]).decode()
            await session.send(append, audio=part)
        await session.send("input_audio_buffer.commit")
        item_id = (await session.until("input_audio_buffer.committed"))["item_id"]
        await session.send("conversation.item.retrieve", item_id=item_id)
        item = (await session.until("conversation.item.retrieved"))["item"]
        assert base64.b64decode(item["content"][0]["audio"]) == tone
        fifteen = base64.b64encode(bytes(15 * 1024 * 1024)).decode()
        await session.send(append, audio=fifteen)  # 5 min 28 s: fits
        assert await session.answers()
        await session.send(append, audio=fifteen)
        error = (await session.until("error"))["error"]
        assert error["code"] == "input_audio_buffer_full"
        sixteen = base64.b64encode(bytes(15 * 1024 * 1024 + 2)).decode()
        await session.send(append, audio=sixteen, event_id="evt_big")
        error = (await session.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("string_above_max_length", "evt_big")
        await session.send("input_audio_buffer.clear")
        assert await session.answers()
