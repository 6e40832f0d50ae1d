"""``POST /v1/realtime/client_secrets``, and the beta's ``sessions`` and ``transcription_sessions``:
ephemeral keys bound to a session's beginning."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from trunkline.domain.errors import Invalid, ProtocolError
from trunkline.model.authority import Principal
from trunkline.model.client_secrets import (
    BETA_TTL_S,
    DEFAULT_TTL_S,
    MAX_TTL_S,
    MIN_TTL_S,
    ClientSecrets,
    Generation,
    StartConfig,
)
from trunkline.model.opening import new_session
from trunkline.model.registry import Engines
from trunkline.model.rest_body import validated
from trunkline.model.served_fields import refuse_unserved
from trunkline.realtime.beta_session import (
    DEFAULT_TEMPERATURE,
    DEFAULT_VOICE,
    beta_param,
    beta_session,
    session_update_from_beta,
    temperature,
)
from trunkline.realtime.model_table import REALTIME, TRANSCRIPTION
from trunkline.realtime.session import AudioOutput, Session
from trunkline.realtime.session_update import updated

_KINDS: Final = ("realtime", "transcription")


class ExpiresAfter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=MIN_TTL_S, le=MAX_TTL_S)] = DEFAULT_TTL_S


class SecretRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


async def create_client_secret(
    document: dict[str, Any], principal: Principal, secrets: ClientSecrets, engines: Engines
) -> dict[str, Any]:
    """The answer to the request; Invalid, with the parameter's path, for a wrong one."""
    wanted = validated(SecretRequest, document)
    session = dict(wanted.session or {})
    session.setdefault("type", "realtime")
    start = start_config(session, engines)
    effective = begun_session(start, engines)
    ttl_s = wanted.expires_after.seconds if wanted.expires_after else DEFAULT_TTL_S
    value, secret = await secrets.mint(principal.key_id, start, ttl_s)
    return {
        "value": value,
        "expires_at": secret.expires_at,
        "session": effective.document(),
    }


def start_config(
    session: dict[str, Any], engines: Engines, generation: Generation = "ga"
) -> StartConfig:
    """A client's session document, checked as far as its kind and its model go."""
    if session.get("type") not in _KINDS:
        raise Invalid(
            "session.type must be 'realtime' or 'transcription'.",
            code="invalid_value",
            param="session.type",
        )
    model = session.get("model", "")
    if not isinstance(model, str):
        raise Invalid("session.model must be a string.", code="invalid_type", param="session.model")
    engines.serve(model, TRANSCRIPTION if session["type"] == "transcription" else REALTIME)
    return StartConfig(model, _with_voice(session, generation), generation)


def _with_voice(session: dict[str, Any], generation: Generation) -> dict[str, Any]:
    """The voice that was promised, whichever generation the key is then used in."""
    audio = session.get("audio", {})
    output = audio.get("output", {}) if isinstance(audio, dict) else None
    if session["type"] == "transcription" or not isinstance(output, dict) or "voice" in output:
        return session
    voice = DEFAULT_VOICE if generation == "beta" else AudioOutput().voice
    return {**session, "audio": {**audio, "output": {**output, "voice": voice}}}


def begun_session(start: StartConfig, engines: Engines) -> Session:
    """The effective session that ``start`` begins; raises Invalid when it cannot be."""
    model = start.model or engines.serve(None).loaded.name
    bare = new_session(model, generation=start.generation, is_transcription=start.is_transcription)
    try:
        session = updated(bare, start.session, has_spoken=False, is_responding=False)
        refuse_unserved(session, engines.serve(start.model).loaded.engine.capabilities)
        return session
    except ProtocolError as exc:
        raise Invalid(exc.message, code=exc.code, param=exc.param) from None


async def create_beta_session(
    document: dict[str, Any],
    principal: Principal,
    secrets: ClientSecrets,
    engines: Engines,
    *,
    is_transcription: bool = False,
) -> dict[str, Any]:
    """``/v1/realtime/sessions`` and ``/transcription_sessions``: flat fields in and out, and a
    secret of one minute."""
    flat = dict(document)
    asked = flat.pop("client_secret", None)
    ttl_s = BETA_TTL_S
    if asked is not None:
        if not isinstance(asked, dict):
            raise Invalid(
                "client_secret must be an object.", code="invalid_type", param="client_secret"
            )
        wanted = validated(SecretRequest, {**asked})
        ttl_s = wanted.expires_after.seconds if wanted.expires_after else BETA_TTL_S
    try:
        session = session_update_from_beta(flat, is_transcription=is_transcription)
        warmth = temperature(flat.get("temperature", DEFAULT_TEMPERATURE), "session.temperature")
    except ProtocolError as exc:
        raise Invalid(exc.message, code=exc.code, param=_flat(exc.param)) from None
    session = {"model": flat.get("model", ""), **session}
    start = replace(start_config(session, engines, "beta"), temperature=warmth)
    try:
        effective = begun_session(start, engines)
    except Invalid as exc:
        param = beta_param(exc.param) if exc.param else None
        raise Invalid(exc.message, code=exc.code, param=_flat(param)) from None
    value, secret = await secrets.mint(principal.key_id, start, ttl_s)
    answer = beta_session(effective.document(), temperature=warmth)
    if is_transcription:
        answer["modalities"] = ["audio", "text"]
    return {**answer, "client_secret": {"value": value, "expires_at": secret.expires_at}}


def _flat(param: str | None) -> str | None:
    """A body's own fields have no ``session.`` before them."""
    return param.removeprefix("session.") if param else param
