"""How ``session.update`` changes a session (contract 3.3): all of it or nothing; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from trunkline.domain.errors import ProtocolError
from trunkline.domain.events import Json
from trunkline.realtime.complaints import complaint
from trunkline.realtime.session import PromptReference, Session

# Clients repeat the whole session; these are ours.
_SERVER_FIELDS: Final = frozenset({"id", "object", "expires_at", "model"})
_SIDES: Final = ("input", "output")
_OF_TRANSCRIPTION: Final = frozenset({"type", "audio", "include"}) | _SERVER_FIELDS
_session: TypeAdapter[Session] = TypeAdapter(Session)


def updated(
    session: Session, update: Mapping[str, Json], *, has_spoken: bool, is_responding: bool
) -> Session:
    """The session after a ``session.update``; raises ProtocolError and changes nothing otherwise.

    ``has_spoken``: assistant audio exists, so the voice is fixed. ``is_responding``: so is speed.
    """
    if not isinstance(update, Mapping):
        raise ProtocolError("session must be an object.", code="invalid_type", param="session")
    _check_kind(session, update)
    document = _merged(session, update)
    try:
        # As JSON and strictly: a list is a tuple there, and "0.5" is no number.
        result = _session.validate_json(orjson.dumps(document), strict=True)
    except ValidationError as exc:
        code, message, param = complaint(exc, document, root="session")
        raise ProtocolError(message, code=code, param=param) from None
    if "tools" not in update:
        # What is written out has lost the secrets of MCP servers.
        result = result.model_copy(update={"tools": session.tools})
    _refuse_forbidden_change(session, result, has_spoken=has_spoken, is_responding=is_responding)
    return result


def _check_kind(session: Session, update: Mapping[str, Json]) -> None:
    kind = update.get("type")
    if kind is None:
        raise ProtocolError(
            "Missing required parameter: 'session.type'.",
            code="missing_required_parameter",
            param="session.type",
        )
    if kind != session.type:
        shown = kind if kind in ("realtime", "transcription") else "unknown"
        raise ProtocolError(
            f"Passing a {shown} session update to a {session.type} session is not allowed.",
            code="invalid_value",
            param="session.type",
        )
    if not session.is_transcription:
        return
    audio = update.get("audio")
    surplus = [key for key in update if key not in _OF_TRANSCRIPTION]
    if isinstance(audio, Mapping):
        surplus += [f"audio.{side}" for side in audio if side != "input"]
    if surplus:
        raise ProtocolError(
            f"Unknown parameter: 'session.{surplus[0]}' (of a transcription session).",
            code="unknown_parameter",
            param=f"session.{surplus[0]}",
        )


def _merged(session: Session, update: Mapping[str, Json]) -> dict[str, Any]:
    document = session.model_dump(mode="json")
    document["tools"] = []
    for key, value in update.items():
        if key in _SERVER_FIELDS:
            continue
        if key != "audio" or not isinstance(value, Mapping):
            document[key] = value
            continue
        for side, settings in value.items():
            if side in _SIDES and isinstance(settings, Mapping):
                _merge_side(document["audio"][side], settings)
            else:
                document["audio"][side] = settings
    return document


def _merge_side(side: dict[str, Any], settings: Mapping[str, Json]) -> None:
    """A present sub-object replaces the old one; without a type it keeps the old one's type, so
    that sending only a threshold never turns detection off or into something else."""
    for key, value in settings.items():
        if key == "turn_detection" and isinstance(value, Mapping) and "type" not in value:
            kind = (side.get(key) or {}).get("type", "server_vad")
            side[key] = {"type": kind, **value}
        else:
            side[key] = value


def _refuse_forbidden_change(
    old: Session, new: Session, *, has_spoken: bool, is_responding: bool
) -> None:
    before, after = old.audio.output, new.audio.output
    if has_spoken and after.voice != before.voice:
        raise ProtocolError(
            "Cannot update a conversation's voice if assistant audio is present.",
            code="cannot_update_voice",
            param="session.audio.output.voice",
        )
    if is_responding and after.speed != before.speed:
        raise ProtocolError(
            "The speed can only be changed between turns.",
            code="invalid_value",
            param="session.audio.output.speed",
        )
    if old.tracing is not None and new.tracing is not None and old.tracing != new.tracing:
        raise ProtocolError(
            "Tracing cannot be changed once it is enabled.",
            code="invalid_value",
            param="session.tracing",
        )
    refuse_prompt(new.prompt, "session.prompt")


def refuse_prompt(prompt: PromptReference | None, param: str) -> None:
    """Prompt templates live in an OpenAI account, which this server is not."""
    if prompt is not None:
        raise ProtocolError(
            f"'{param}' is not supported: this server stores no prompt templates. Send their text "
            "as 'instructions'.",
            code="invalid_value",
            param=param,
        )
