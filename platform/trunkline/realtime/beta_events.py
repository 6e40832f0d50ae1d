"""The beta generation's events as GA events, and back (contract 11). Pure tables and functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trunkline.domain.errors import ProtocolError
from trunkline.domain.events import Json
from trunkline.realtime.beta_session import (
    format_to_beta,
    modalities_to_beta,
    temperature,
    value_from_beta,
)

# Server events that have another name; those that are not here and not left out keep theirs.
NAMES: Final[Mapping[str, str]] = {
    "conversation.item.added": "conversation.item.created",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
# What this generation has no event for.
LEFT_OUT: Final = frozenset(
    {"conversation.item.done", "input_audio_buffer.timeout_triggered"}
    | {"mcp_list_tools.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed"}
    | {"response.mcp_call.in_progress", "response.mcp_call.completed", "response.mcp_call.failed"}
    | {"response.mcp_call_arguments.delta", "response.mcp_call_arguments.done"}
    | {"input_audio_buffer.dtmf_event_received"}
)
_TO_BETA: Final = {"output_text": "text", "output_audio": "audio"}
_FROM_BETA: Final = {beta: ga for ga, beta in _TO_BETA.items()}

_RESPONSE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "conversation": ("conversation",),
    "metadata": ("metadata",),
    "instructions": ("instructions",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "voice": ("audio", "output", "voice"),
    "output_audio_format": ("audio", "output", "format"),
}


def item_from_beta(item: Json) -> Json:
    """An item a client sends; what is no item at all is left for the GA types to refuse."""
    if not isinstance(item, Mapping):
        return item
    content = item.get("content")
    if not isinstance(content, list):
        return item
    return {**item, "content": [_part_from_beta(part, index) for index, part in enumerate(content)]}


def _part_from_beta(part: Json, index: int) -> Json:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "input_image":
        raise ProtocolError(
            "Invalid value: this generation of the API knows no images.",
            code="invalid_value",
            param=f"item.content.{index}.type",
        )
    if isinstance(part, Mapping) and isinstance(kind, str) and kind in _FROM_BETA:
        return {**part, "type": _FROM_BETA[kind]}
    return part


def item_to_beta(item: Mapping[str, Any]) -> dict[str, Json]:
    content = item.get("content")
    if not isinstance(content, list | tuple):
        return dict(item)
    parts = [{**part, "type": _TO_BETA.get(part["type"], part["type"])} for part in content]
    return {**item, "content": parts}


def response_params_from_beta(response: Json) -> tuple[Json, float | None]:
    """``response.create``'s parameters, and the temperature for the echo."""
    if not isinstance(response, Mapping):
        return response, None
    result: dict[str, Json] = {}
    own_temperature: float | None = None
    for field, value in response.items():
        param = f"response.{field[:128]}"
        if field == "temperature":
            own_temperature = None if value is None else temperature(value, param)
        elif field == "input":
            result["input"] = (
                [item_from_beta(item) for item in value] if isinstance(value, list) else value
            )
        elif field in _RESPONSE_FIELDS:
            _put(result, _RESPONSE_FIELDS[field], value_from_beta(field, value, param))
        else:
            raise ProtocolError(
                f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param
            )
    return result, own_temperature


def response_params_to_beta(response: Mapping[str, Any]) -> dict[str, Json]:
    """``response.create``'s parameters as the flat ones."""
    flat: dict[str, Json] = {}
    for field, path in _RESPONSE_FIELDS.items():
        node: Any = response
        for step in path:
            node = node.get(step) if isinstance(node, Mapping) else None
        if node is not None:
            match field:
                case "modalities":
                    node = modalities_to_beta(node)
                case "output_audio_format":
                    node = format_to_beta(node)
            flat[field] = node
    if isinstance(response.get("input"), list):
        flat["input"] = [item_to_beta(item) for item in response["input"]]
    return flat


def response_to_beta(response: Mapping[str, Any], own_temperature: float) -> dict[str, Json]:
    result = dict(response)
    output = (result.pop("audio", None) or {}).get("output", {})
    result["output"] = [item_to_beta(item) for item in response["output"]]
    result["modalities"] = modalities_to_beta(result.pop("output_modalities"))
    result["voice"] = output.get("voice")
    result["output_audio_format"] = format_to_beta(output["format"]) if output else None
    result["temperature"] = own_temperature
    return result


def _put(document: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = value
