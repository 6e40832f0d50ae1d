"""The beta generation's flat session (contract 3.2) as the GA session, and back. Pure.

The table below is all there is: a flat field and where it stands in the GA session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from trunkline.domain.errors import ProtocolError
from trunkline.domain.events import Json

DEFAULT_TEMPERATURE: Final = 0.8
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.6, 1.2
DEFAULT_VOICE: Final[Literal["alloy"]] = "alloy"

_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "modalities": ("output_modalities",),
    "instructions": ("instructions",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "max_response_output_tokens": ("max_output_tokens",),
    "tracing": ("tracing",),
    "include": ("include",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
}
_OF_TRANSCRIPTION: Final = frozenset(
    {"input_audio_format", "input_audio_transcription", "input_audio_noise_reduction"}
    | {"turn_detection", "include"}
)
# Clients send these back; they are the server's, or mean nothing in an update.
_IGNORED: Final = frozenset({"id", "object", "model", "expires_at", "client_secret"})
_FORMATS: Final[Mapping[str, dict[str, Json]]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES: Final = {str(value["type"]): name for name, value in _FORMATS.items()}


def session_update_from_beta(
    flat: Mapping[str, Json], *, is_transcription: bool = False
) -> dict[str, Json]:
    """The GA ``session`` of a flat update, temperature left out; ProtocolError names flat fields.

    Values are checked only where they change their shape; the rest is for the GA session to judge.
    """
    result: dict[str, Json] = {"type": "transcription" if is_transcription else "realtime"}
    for field, value in flat.items():
        if field in _IGNORED or (is_transcription and field == "modalities"):
            continue
        if field == "temperature" and not is_transcription:
            temperature(value, "session.temperature")
            continue
        path = _PATHS.get(field)
        if path is None or (is_transcription and field not in _OF_TRANSCRIPTION):
            raise ProtocolError(
                f"Unknown parameter: 'session.{field[:128]}'.",
                code="unknown_parameter",
                param=f"session.{field[:128]}",
            )
        _put(result, path, value_from_beta(field, value, f"session.{field}"))
    return result


def value_from_beta(field: str, value: Json, param: str) -> Json:
    """One flat field's value in the GA shape."""
    match field:
        case "modalities":
            return modalities_from_beta(value, param)
        case "input_audio_format" | "output_audio_format":
            return format_from_beta(value, param)
        case "tools":
            return _tools(value, param)
        case "tool_choice":
            return _tool_choice(value, param)
        case "turn_detection":
            if isinstance(value, Mapping) and "idle_timeout_ms" in value:
                raise ProtocolError(
                    f"Unknown parameter: '{param}.idle_timeout_ms'.",
                    code="unknown_parameter",
                    param=f"{param}.idle_timeout_ms",
                )
    return value


def beta_session(session: Mapping[str, Any], *, temperature: float) -> dict[str, Json]:
    """The flat session of a GA session document (``Session.document()``)."""
    is_transcription = session.get("type") == "transcription"
    kind = "realtime.transcription_session" if is_transcription else "realtime.session"
    flat: dict[str, Json] = {
        "id": session["id"],
        "object": kind,
        "model": session["model"],
        "expires_at": session["expires_at"],
    }
    for field, path in _PATHS.items():
        if not is_transcription or field in _OF_TRANSCRIPTION:
            flat[field] = _value_to_beta(field, _get(session, path))
    if not is_transcription:
        flat["temperature"] = temperature
    flat["client_secret"] = None
    return flat


def session_update_to_beta(session: Mapping[str, Json]) -> dict[str, Json]:
    """A GA update, whole or partial, as the flat fields that it changes."""
    flat: dict[str, Json] = {}
    for field, path in _PATHS.items():
        node: Any = session
        for step in path:
            if not isinstance(node, Mapping) or step not in node:
                break
            node = node[step]
        else:
            flat[field] = _value_to_beta(field, node)
    return flat


def _value_to_beta(field: str, value: Any) -> Json:
    match field:
        case "modalities":
            return modalities_to_beta(value)
        case "input_audio_format" | "output_audio_format":
            return format_to_beta(value)
        case "turn_detection" if isinstance(value, Mapping):
            return {key: inner for key, inner in value.items() if key != "idle_timeout_ms"}
    return value


def modalities_from_beta(value: Json, param: str) -> list[str]:
    if isinstance(value, list) and value == ["text"]:
        return ["text"]
    if isinstance(value, list) and value in (["audio", "text"], ["text", "audio"]):
        return ["audio"]
    raise ProtocolError(
        f'Invalid value for \'{param}\': it must be ["text"] or ["audio", "text"].',
        code="invalid_value",
        param=param,
    )


def modalities_to_beta(value: Json) -> list[str]:
    return ["text"] if list(value) == ["text"] else ["audio", "text"]


def format_from_beta(value: Json, param: str) -> dict[str, Json]:
    found = _FORMATS.get(value) if isinstance(value, str) else None
    if found is None:
        raise ProtocolError(
            f"Invalid value for '{param}': it must be one of {', '.join(_FORMATS)}.",
            code="invalid_value",
            param=param,
        )
    return dict(found)


def format_to_beta(value: Mapping[str, Json]) -> str:
    return _FORMAT_NAMES[str(value["type"])]


def temperature(value: Json, param: str) -> float:
    """Checked and kept for the echo: no engine here samples."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(
            f"Invalid value for '{param}': it must be a number.", code="invalid_type", param=param
        )
    if value < MIN_TEMPERATURE:
        raise ProtocolError(
            f"Invalid value for '{param}': it must be at least {MIN_TEMPERATURE}.",
            code="decimal_below_min_value",
            param=param,
        )
    if value > MAX_TEMPERATURE:
        raise ProtocolError(
            f"Invalid value for '{param}': it must be at most {MAX_TEMPERATURE}.",
            code="decimal_above_max_value",
            param=param,
        )
    return float(value)


def beta_param(param: str) -> str:
    """A complaint's GA path in the flat session's words."""
    head, _, rest = param.partition(".")
    if head not in ("session", "response"):
        return param
    for field, path in _PATHS.items():
        ga = ".".join(path)
        if rest == ga or rest.startswith(f"{ga}."):
            # Inside a list or a format the flat session has nothing to point at.
            inner = rest[len(ga) :] if field not in ("modalities",) else ""
            is_format = field.endswith("_format")
            return f"{head}.{field}{'' if is_format else inner}"
    return param


def _tools(value: Json, param: str) -> Json:
    for index, tool in enumerate(value if isinstance(value, list) else ()):
        kind = tool.get("type", "function") if isinstance(tool, Mapping) else "function"
        if kind != "function":
            raise ProtocolError(
                f"Invalid value for '{param}.{index}.type': this generation knows function tools "
                "only.",
                code="invalid_value",
                param=f"{param}.{index}.type",
            )
    return value


def _tool_choice(value: Json, param: str) -> Json:
    """Old clients name a function by a bare string."""
    if isinstance(value, str) and value not in ("none", "auto", "required"):
        return {"type": "function", "name": value}
    if isinstance(value, Mapping) and value.get("type") == "mcp":
        raise ProtocolError(
            f"Invalid value for '{param}.type': this generation knows function tools only.",
            code="invalid_value",
            param=f"{param}.type",
        )
    return value


def _put(document: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = value


def _get(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for step in path:
        document = document[step]
    return document
