"""The beta generation is a translation: what goes in comes back in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import ProtocolError
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.beta_protocol import BetaProtocol
from trunkline.realtime.beta_session import beta_session, session_update_from_beta
from trunkline.realtime.items import MessageItem, OutputTextPart
from trunkline.realtime.protocol import ServerProtocol, error_event
from trunkline.realtime.session import Session
from trunkline.realtime.session_update import updated


def session() -> Session:
    return Session(id="sess_1", model="m", expires_at=1)


def written(protocol: ServerProtocol, event: ev.ServerEvent) -> Any:
    frame = protocol.write(event)
    return None if frame is None else json.loads(frame)


def test_a_flat_update_reaches_its_place_and_comes_back_flat() -> None:
    flat = {
        "modalities": ["text", "audio"],
        "voice": "verse",
        "input_audio_format": "g711_ulaw",
        "max_response_output_tokens": 7,
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 600},
    }
    new = updated(session(), session_update_from_beta(flat), has_spoken=False, is_responding=False)
    assert new.audio.input.format.type == "audio/pcmu"
    back = beta_session(new.document(), temperature=0.8)
    assert back["voice"] == "verse"
    assert back["input_audio_format"] == "g711_ulaw"
    assert back["max_response_output_tokens"] == 7
    assert back["turn_detection"]["silence_duration_ms"] == 600
    assert "idle_timeout_ms" not in back["turn_detection"]
    assert "audio" not in back


def test_ga_nesting_is_unknown_to_beta_and_temperature_to_ga() -> None:
    with pytest.raises(ProtocolError, match=r"session\.audio"):
        session_update_from_beta({"audio": {}})
    with pytest.raises(ProtocolError, match=r"session\.temperature"):
        updated(
            session(),
            {"type": "realtime", "temperature": 0.8},
            has_spoken=False,
            is_responding=False,
        )


def test_a_complaint_names_the_flat_field() -> None:
    protocol = BetaProtocol()
    complaint = ProtocolError(
        "Invalid value for 'session.audio.input.turn_detection.type': x.",
        code="invalid_value",
        param="session.audio.input.turn_detection.type",
    )
    error = written(protocol, error_event(complaint))["error"]
    assert error["param"] == "session.turn_detection.type"
    assert "'session.turn_detection.type'" in error["message"]


def test_items_are_created_once_and_speak_of_text() -> None:
    protocol = BetaProtocol()
    item = MessageItem(id="i", role="assistant", content=(OutputTextPart(text="hi"),))
    created = written(protocol, ev.ItemAdded(item=item))
    assert created["type"] == "conversation.item.created"
    assert created["item"]["content"] == [{"type": "text", "text": "hi"}]
    assert written(protocol, ev.ItemDone(item=item)) is None


def test_the_temperature_of_a_refused_update_is_not_kept() -> None:
    protocol = BetaProtocol()
    frame = json.dumps({"type": "session.update", "session": {"temperature": 1.1}})
    assert isinstance(protocol.receive(frame), ce.SessionUpdate)
    protocol.receive('{"type":"response.cancel"}')  # the update was refused: no session.updated
    told = written(protocol, ev.SessionUpdated(session=session().document()))
    assert told["session"]["temperature"] == 0.8


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["session", "item", "response", "audio", "item_id", "content_index", "event_id", "type"]
)
TYPES = st.sampled_from([*ce.CLIENT_EVENTS, "transcription_session.update", "nonsense"])


@pytest.mark.parametrize("kind", [ServerProtocol, BetaProtocol])
@given(kind_of_event=TYPES, fields=st.dictionaries(FIELDS, JSON, max_size=4))
def test_no_json_of_any_shape_crashes_the_parser(
    kind: type[ServerProtocol], kind_of_event: str, fields: dict[str, Any]
) -> None:
    try:
        kind().receive(json.dumps({**fields, "type": kind_of_event}))
    except ProtocolError as exc:
        assert exc.code and exc.message


@pytest.mark.parametrize("kind", [ServerProtocol, BetaProtocol])
@given(frame=st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_or_bytes_crash_the_parser(kind: type[ServerProtocol], frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        kind().receive(frame)


@pytest.mark.parametrize("kind", [["input_text"], {}, 7, None, True])
def test_a_part_whose_type_is_no_word_is_refused_and_ends_nothing(kind: Any) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": kind, "text": "x"}]}
    frame = json.dumps({"type": "conversation.item.create", "item": item})
    with pytest.raises(ProtocolError):
        BetaProtocol().receive(frame)
