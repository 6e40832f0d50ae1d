"""Client events of both generations, whole and mutilated: what a fuzzer throws at a session."""

from __future__ import annotations

import base64
import copy
from typing import Any

from hypothesis import strategies as st

_AUDIO = base64.b64encode(bytes(range(256)) * 20).decode()
_TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
_TOOL = {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}}
_VAD = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 300}

SHARED: list[dict[str, Any]] = [
    {"type": "input_audio_buffer.append", "audio": _AUDIO},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": {**_TEXT, "id": "i1"}, "previous_item_id": "root"},
    {"type": "conversation.item.create", "item": _TEXT},
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "name": "look", "call_id": "c1", "arguments": "{}"},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "c1", "output": "1"},
    },
    {
        "type": "conversation.item.create",
        "item": {**_TEXT, "content": [{"type": "input_audio", "audio": _AUDIO}]},
    },
    {"type": "conversation.item.retrieve", "item_id": "i1"},
    {"type": "conversation.item.delete", "item_id": "i1"},
    {"type": "conversation.item.truncate", "item_id": "i1", "content_index": 0, "audio_end_ms": 9},
    {"type": "response.create"},
    {"type": "response.create", "response": {"instructions": "x", "metadata": {"a": "b"}}},
    {"type": "response.cancel"},
]
GA: list[dict[str, Any]] = [
    *SHARED,
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "instructions": "i",
            "tools": [_TOOL],
            "tool_choice": {"type": "function", "name": "look"},
            "max_output_tokens": 12,
            "tracing": "auto",
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
            "reasoning": {"effort": "low"},
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": "whisper-1", "language": "en"},
                    "noise_reduction": {"type": "near_field"},
                    "turn_detection": _VAD,
                },
                "output": {"format": {"type": "audio/pcma"}, "voice": "cedar", "speed": 1.5},
            },
        },
    },
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "input": [_TEXT, {"type": "item_reference", "id": "i1"}],
            "output_modalities": ["text"],
            "tool_choice": "none",
            "max_output_tokens": 3,
            "audio": {"output": {"voice": "ash"}},
        },
    },
]
BETA: list[dict[str, Any]] = [
    *SHARED,
    {
        "type": "session.update",
        "session": {
            "modalities": ["text"],
            "instructions": "i",
            "voice": "verse",
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": _VAD,
            "tools": [_TOOL],
            "tool_choice": "auto",
            "temperature": 0.9,
            "max_response_output_tokens": "inf",
        },
    },
    {
        "type": "response.create",
        "response": {"modalities": ["text"], "max_response_output_tokens": 4, "temperature": 0.7},
    },
    {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}},
]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["realtime", "server_vad", "audio/pcm", "i1", "c1", "auto", _AUDIO]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


@st.composite
def mutated(draw: st.DrawFn, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """A seed with up to two of its parts replaced, taken away or added to."""
    event: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from([one for one in _places(event) if one]))
        parent: Any = event
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                parent[path[-1]] = draw(JSON)
            case "remove":
                del parent[path[-1]]
            case "add" if isinstance(parent, dict):
                parent[draw(st.text(min_size=1, max_size=8))] = draw(JSON)
            case _:
                parent.append(draw(JSON))
        if len(_places(event)) == 1:
            return event
    return event
