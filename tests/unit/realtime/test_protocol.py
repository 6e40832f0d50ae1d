from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import EngineProtocolError, ProtocolError
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import FunctionCallItem, WordTime, item_text, user_message
from trunkline.realtime.protocol import (
    MAX_APPEND_BYTES,
    MAX_CONTROL_BYTES,
    ClientProtocol,
    ServerProtocol,
    error_event,
)
from trunkline.realtime.responses import Response

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _frame(protocol: ServerProtocol, event: ev.ServerEvent) -> bytes:
    written = protocol.write(event)
    assert written is not None
    return written


TYPES = st.sampled_from([*ce.CLIENT_EVENTS, "no.such.event", ""])


def refused(frame: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        ServerProtocol().receive(frame)
    return caught.value


def test_an_append_is_decoded_on_the_way_in() -> None:
    event = ServerProtocol().receive(ClientProtocol().write_append(b"\x01\x02\x03"))
    assert isinstance(event, ce.InputAudioAppend)
    assert event.audio == b"\x01\x02\x03"


@given(payload=st.binary(max_size=4000))
def test_any_audio_survives_the_wire(payload: bytes) -> None:
    event = ServerProtocol().receive(ClientProtocol().write_append(payload))
    assert isinstance(event, ce.InputAudioAppend)
    assert event.audio == payload


@given(document=JSON)
def test_any_json_is_an_event_or_a_complaint(document: object) -> None:
    try:
        event = ServerProtocol().receive(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    except ProtocolError as exc:
        assert exc.message and exc.code
    except TypeError:  # integers beyond 64 bits: orjson cannot write them
        return
    else:
        assert event.type in ce.CLIENT_EVENTS


@given(kind=TYPES, rest=st.dictionaries(st.text(max_size=12), JSON, max_size=5))
def test_any_fields_of_any_event_are_read_or_refused_with_its_id(
    kind: str, rest: dict[str, object]
) -> None:
    document = {**rest, "type": kind, "event_id": "evt_1"}
    try:
        frame = orjson.dumps(document)
    except TypeError:
        return
    try:
        event = ServerProtocol().receive(frame)
    except ProtocolError as exc:
        assert exc.event_id == "evt_1"
        assert error_event(exc).error.event_id == "evt_1"
    else:
        assert event.type == kind
        assert event.event_id == "evt_1"


@given(frame=st.binary(max_size=200))
def test_any_bytes_never_raise_anything_else(frame: bytes) -> None:
    try:
        ServerProtocol().receive(frame)
    except ProtocolError as exc:
        assert exc.code in {"invalid_json", "invalid_event", "invalid_value"}


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("{this is not json", "invalid_json", None),
        ("[1]", "invalid_event", None),
        ('{"item":{}}', "invalid_event", "type"),
        ('{"type":7}', "invalid_event", "type"),
        ('{"type":"no.such.event"}', "invalid_value", "type"),
        ('{"type":"conversation.item.create"}', "missing_required_parameter", "item"),
        ('{"type":"conversation.item.delete","item_id":3}', "invalid_type", "item_id"),
        (
            '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":-1}',
            "integer_below_min_value",
            "audio_end_ms",
        ),
        ('{"type":"response.create","response":{"temperature":1}}', "unknown_parameter",
         "response.temperature"),
        ('{"type":"response.create","response":{"max_output_tokens":0}}',
         "integer_below_min_value", "response.max_output_tokens"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type":"input_audio_buffer.append","audio":5}', "invalid_type", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"@@no@@"}', "invalid_value", "audio"),
    ],
)  # fmt: skip
def test_a_wrong_event_is_answered_with_code_and_parameter(
    frame: str, code: str, param: str | None
) -> None:
    error = refused(frame)
    assert (error.code, error.param) == (code, param)


def test_an_event_id_that_is_no_short_string_is_not_echoed() -> None:
    assert refused('{"type":"nope","event_id":5}').event_id is None
    assert refused(orjson.dumps({"type": "nope", "event_id": "x" * 600})).event_id is None


def test_too_much_audio_in_one_append_is_refused() -> None:
    audio = base64.b64encode(bytes(MAX_APPEND_BYTES + 3)).decode()
    assert refused(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}').code == (
        "string_above_max_length"
    )


def test_a_control_event_has_a_smaller_limit_than_audio() -> None:
    frame = orjson.dumps({"type": "response.create", "x": "a" * MAX_CONTROL_BYTES})
    assert refused(frame).code == "string_above_max_length"


def test_a_binary_frame_is_a_complaint() -> None:
    assert ServerProtocol().receive_binary().code == "invalid_event"


def test_every_server_event_gets_an_id_of_its_own() -> None:
    protocol = ServerProtocol()
    audio = ev.ResponseAudioDelta(response_id="r", item_id="i", output_index=0, delta="AAA=")
    written = [orjson.loads(_frame(protocol, event)) for event in (audio, ev.InputCleared(), audio)]
    assert len({event["event_id"] for event in written}) == 3
    assert written[0]["delta"] == "AAA="
    assert written[1]["type"] == "input_audio_buffer.cleared"


def test_audio_deltas_by_hand_are_what_the_model_would_write() -> None:
    event = ev.ResponseAudioDelta(
        response_id="resp_1", item_id="item_1", output_index=2, delta="AA=="
    )
    by_hand = orjson.loads(_frame(ServerProtocol(), event))
    by_model = {**event.model_dump(), "event_id": by_hand["event_id"]}
    assert by_hand == by_model


def test_the_client_reads_what_the_server_writes() -> None:
    server, client = ServerProtocol(), ClientProtocol()
    sent: list[ev.ServerEvent] = [
        ev.SessionCreated(session={"id": "sess_1"}),
        ev.ItemAdded(item=user_message("hello", item_id="item_1"), previous_item_id=None),
        ev.ResponseCreated(response=Response(id="resp_1", status="in_progress")),
        ev.ResponseTranscriptDelta(
            response_id="resp_1",
            item_id="item_2",
            output_index=0,
            delta="Hi",
            x_words=(WordTime(text="Hi", start_ms=0, end_ms=120),),
        ),
        ev.TranscriptionDelta(item_id="item_1", x_hypothesis="hell"),
    ]
    for event in sent:
        read = client.receive(_frame(server, event))
        assert read == event.model_copy(update={"event_id": read.event_id})


def test_absent_extensions_are_not_written_but_null_predecessors_are() -> None:
    protocol = ServerProtocol()
    added = orjson.loads(_frame(protocol, ev.ItemAdded(item=user_message("a", item_id="i"))))
    assert "previous_item_id" in added and added["previous_item_id"] is None
    delta = orjson.loads(
        _frame(
            protocol,
            ev.ResponseTranscriptDelta(response_id="r", item_id="i", output_index=0, delta="a"),
        )
    )
    assert "x_words" not in delta


def test_an_unknown_server_event_is_kept_whole() -> None:
    event = ClientProtocol().receive('{"type":"some.new.event","event_id":"e","extra":{"a":1}}')
    assert isinstance(event, ev.UnknownEvent)
    assert event.model_dump()["extra"] == {"a": 1}


@pytest.mark.parametrize("frame", ["nonsense", "[]", '{"type":1}', '{"type":"response.done"}'])
def test_a_server_that_breaks_the_protocol_is_named_as_such(frame: str) -> None:
    with pytest.raises(EngineProtocolError):
        ClientProtocol().receive(frame)


def test_explicit_nulls_of_a_session_update_reach_the_server() -> None:
    update = ce.SessionUpdate(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    )
    read = ServerProtocol().receive(ClientProtocol().write(update))
    assert isinstance(read, ce.SessionUpdate)
    assert read.session["audio"]["input"]["turn_detection"] is None


def test_every_client_event_survives_the_wire() -> None:
    events: list[ce.ClientEvent] = [
        ce.InputAudioCommit(event_id="e1"),
        ce.InputAudioClear(),
        ce.ItemCreate(item=user_message('naïve 東京 🚆 \u202e \\ " \n\t'), previous_item_id="root"),
        ce.ItemDelete(item_id="i"),
        ce.ItemRetrieve(item_id="i"),
        ce.ItemTruncate(item_id="i", content_index=0, audio_end_ms=200),
        ce.ResponseCreate(response=ce.ResponseParams(instructions="x", metadata={"a": "b"})),
        ce.ResponseCreate(),
        ce.ResponseCancel(response_id="r"),
    ]
    for event in events:
        assert ServerProtocol().receive(ClientProtocol().write(event)) == event


def test_an_unknown_item_type_is_kept_and_says_nothing() -> None:
    event = ServerProtocol().receive(
        '{"type":"conversation.item.create","item":{"type":"hologram","name":"x"}}'
    )
    assert isinstance(event, ce.ItemCreate)
    assert event.item.type == "hologram"
    assert item_text(event.item) == ""
    assert item_text(FunctionCallItem(name="f", arguments="{}")) == ""
