from __future__ import annotations

from typing import Any

import pytest

from trunkline.domain.errors import ProtocolError
from trunkline.realtime.session import NoiseReduction, SemanticVad, ServerVad, Session
from trunkline.realtime.session_update import updated

START = Session(id="sess_1", model="gpt-realtime", expires_at=100)


def change(
    update: dict[str, Any], *, old: Session = START, spoken: bool = False, busy: bool = False
) -> Session:
    return updated(old, {"type": "realtime", **update}, has_spoken=spoken, is_responding=busy)


def test_the_defaults_are_the_contracts_and_all_of_them_are_emitted() -> None:
    emitted = START.model_dump(mode="json")
    assert emitted["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 500,
            "idle_timeout_ms": None,
            "create_response": True,
            "interrupt_response": True,
        },
    }
    assert emitted["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": "marin",
        "speed": 1.0,
    }
    for name in ("tracing", "prompt", "include"):
        assert emitted[name] is None
    assert emitted["tools"] == [] and emitted["tool_choice"] == "auto"
    assert emitted["output_modalities"] == ["audio"] and emitted["max_output_tokens"] == "inf"


def test_an_update_leaves_everything_else_alone() -> None:
    new = change({"instructions": "Be terse."})
    assert new.instructions == "Be terse."
    assert new.audio == START.audio


def test_audio_is_merged_side_by_side() -> None:
    one = change({"audio": {"output": {"voice": "cedar"}}})
    two = change({"audio": {"input": {"transcription": {"model": "whisper-1"}}}}, old=one)
    assert two.audio.output.voice == "cedar"
    assert two.audio.input.turn_detection == ServerVad()


def test_a_new_turn_detection_replaces_the_old_one_with_defaults_filled_in() -> None:
    one = change({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.9}}}})
    two = change({"audio": {"input": {"turn_detection": {"silence_duration_ms": 700}}}}, old=one)
    assert two.audio.input.turn_detection == ServerVad(silence_duration_ms=700)


def test_a_detection_without_a_type_keeps_its_kind() -> None:
    one = change({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}})
    two = change({"audio": {"input": {"turn_detection": {"eagerness": "low"}}}}, old=one)
    assert two.audio.input.turn_detection == SemanticVad(eagerness="low")


def test_null_switches_detection_off_and_clears_what_can_be_cleared() -> None:
    one = change({"audio": {"input": {"noise_reduction": {"type": "near_field"}}}})
    assert one.audio.input.noise_reduction == NoiseReduction(type="near_field")
    two = change({"audio": {"input": {"turn_detection": None, "noise_reduction": None}}}, old=one)
    assert two.audio.input.turn_detection is None
    assert two.audio.input.noise_reduction is None


def test_what_belongs_to_the_server_is_ignored_in_an_update() -> None:
    new = change({"model": "gpt-realtime-2.1", "id": "sess_x", "expires_at": 1})
    assert (new.model, new.id, new.expires_at) == ("gpt-realtime", "sess_1", 100)


def test_annotations_of_tools_are_kept() -> None:
    tool = {
        "type": "function",
        "name": "collect_account",
        "parameters": {
            "type": "object",
            "properties": {"account": {"type": "string", "x-trunkline": {"kind": "digits"}}},
        },
        "x-trunkline": {"role": "collect"},
    }
    echoed = change({"tools": [tool]}).model_dump(mode="json")["tools"][0]
    assert echoed["x-trunkline"] == {"role": "collect"}
    assert echoed["parameters"] == tool["parameters"]


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"output_modalities": ["audio", "text"]}, "array_above_max_length",
         "session.output_modalities"),
        ({"audio": {"output": {"speed": 0.1}}}, "decimal_below_min_value",
         "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 4.5}}}, "decimal_above_max_value",
         "session.audio.output.speed"),
        ({"audio": {"output": {"voice": "bob"}}}, "invalid_value", "session.audio.output.voice"),
        ({"audio": {"input": {"turn_detection": {"type": "psychic"}}}}, "invalid_value",
         "session.audio.input.turn_detection"),
        ({"audio": {"input": {"turn_detection": {"threshold": "x"}}}}, "invalid_type",
         "session.audio.input.turn_detection.threshold"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}}, "invalid_value",
         "session.audio.input.format.rate"),
        ({"audio": {"nonsense": {}}}, "unknown_parameter", "session.audio.nonsense"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
        ({"max_output_tokens": 4097}, "integer_above_max_value", "session.max_output_tokens"),
        ({"max_output_tokens": "lots"}, "invalid_type", "session.max_output_tokens"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "invalid_value",
         "session.tools.0.name"),
        ({"tool_choice": "sometimes"}, "invalid_value", "session.tool_choice"),
        ({"instructions": None}, "invalid_type", "session.instructions"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_its_path(update: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        change(update)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_the_type_of_the_session_is_required() -> None:
    with pytest.raises(ProtocolError) as caught:
        updated(START, {"instructions": "x"}, has_spoken=False, is_responding=False)
    assert caught.value.param == "session.type"


def test_two_tools_cannot_share_a_name() -> None:
    tool = {"type": "function", "name": "same"}
    with pytest.raises(ProtocolError):
        change({"tools": [tool, tool]})


def test_the_voice_is_fixed_once_the_agent_has_spoken_and_repeating_it_is_no_change() -> None:
    with pytest.raises(ProtocolError) as caught:
        change({"audio": {"output": {"voice": "cedar"}}}, spoken=True)
    assert caught.value.code == "cannot_update_voice"
    assert change({"audio": {"output": {"voice": "marin"}}}, spoken=True) == START


def test_the_speed_waits_for_the_end_of_a_response() -> None:
    with pytest.raises(ProtocolError):
        change({"audio": {"output": {"speed": 2}}}, busy=True)
    assert change({"audio": {"output": {"speed": 2}}}).audio.output.speed == 2.0


def test_tracing_cannot_change_once_it_is_on_but_can_be_repeated_or_switched_off() -> None:
    on = change({"tracing": "auto"})
    assert change({"tracing": "auto"}, old=on).tracing == "auto"
    assert change({"tracing": None}, old=on).tracing is None
    with pytest.raises(ProtocolError):
        change({"tracing": {"workflow_name": "x"}}, old=on)
