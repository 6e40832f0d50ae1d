"""The REST routes of the model server: client secrets, models, speech, transcriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline.domain.errors import NotFound
from trunkline.domain.ids import mint
from trunkline.model.authority import Principal
from trunkline.model.bearer import bearer_key
from trunkline.model.registry import ServedModel
from trunkline.model.rest_body import read_json
from trunkline.model.session_api import create_beta_session, create_client_secret
from trunkline.model.speech_api import read_speech_request, speech_response
from trunkline.model.transcription_api import (
    read_transcription_request,
    transcription_response,
)
from trunkline.model.usage import SessionMeter
from trunkline.realtime.model_table import SPEECH, TRANSCRIPTION, ModelCard
from trunkline.realtime.usage import UsageKind

if TYPE_CHECKING:
    from trunkline.model.server import ModelServer


def add_rest(app: FastAPI, server: ModelServer) -> None:
    """Every route but the WebSocket's; what is unknown below ``/v1`` is refused as OpenAI does."""

    async def admitted(request: Request) -> Principal:
        key = bearer_key(request.headers.get("authorization"))
        return await server.access.admit_owner(key)

    async def spending(request: Request) -> Principal:
        principal = await admitted(request)
        if principal.quota.tokens_per_day:
            await server.usage.learn_tokens(principal.key_id)
            server.access.quotas.require_tokens(principal.key_id, principal.quota)
        return principal

    def meter(principal: Principal, served: ServedModel, kind: UsageKind) -> SessionMeter:
        return SessionMeter(
            server.usage, server.access.quotas, principal, served.card, mint("req"), kind=kind
        )

    @app.post("/v1/realtime/client_secrets")
    async def client_secrets(request: Request) -> Response:
        principal = await admitted(request)
        document = await read_json(request)
        answer = await create_client_secret(
            document, principal, server.access.secrets, server.engines
        )
        return JSONResponse(answer)

    @app.post("/v1/realtime/sessions")
    async def sessions(request: Request) -> Response:
        return await beta(request, is_transcription=False)

    @app.post("/v1/realtime/transcription_sessions")
    async def transcription_sessions(request: Request) -> Response:
        return await beta(request, is_transcription=True)

    async def beta(request: Request, *, is_transcription: bool) -> Response:
        principal = await admitted(request)
        document = await read_json(request)
        secrets, engines = server.access.secrets, server.engines
        answer = await create_beta_session(
            document, principal, secrets, engines, is_transcription=is_transcription
        )
        return JSONResponse(answer)

    @app.post("/v1/audio/speech")
    async def speech(request: Request) -> Response:
        principal = await spending(request)
        wanted = await read_speech_request(request)
        served = server.engines.serve(wanted.model, SPEECH)
        voice = served.loaded.speech or server.engines.default.speech
        if voice is None:
            raise NotFound("This server's engine has no speech synthesis.", code="no_speech")
        return await speech_response(
            wanted,
            voice,
            server.speech_admission,
            meter(principal, served, "speech"),
            principal.key_id,
        )

    @app.post("/v1/audio/transcriptions")
    async def transcriptions(request: Request) -> Response:
        principal = await spending(request)
        wanted, data = await read_transcription_request(request)
        served = server.engines.serve(wanted.model, TRANSCRIPTION)
        return await transcription_response(
            wanted,
            data,
            served.loaded.engine,
            server.transcription_admission,
            meter(principal, served, "transcription"),
            principal.key_id,
        )

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        await admitted(request)
        data = [_model(card) for card in server.engines.table.served()]
        return JSONResponse({"object": "list", "data": data})

    @app.get("/v1/models/{name}")
    async def model(request: Request, name: str) -> Response:
        await admitted(request)
        card = server.engines.table.find(name)
        if card is None:
            raise NotFound(f"The model '{name[:64]}' does not exist.", code="model_not_found")
        return JSONResponse(_model(card))

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    async def unknown(request: Request, path: str) -> Response:
        await admitted(request)
        raise NotFound(f"Unknown request URL: {request.method} /v1/{path[:128]}.")


def _model(card: ModelCard) -> dict[str, object]:
    """OpenAI's shape, and what a buyer wants to know: ``x_prices`` are per million tokens."""
    return {
        "id": card.name,
        "object": "model",
        "created": card.created,
        "owned_by": "trunkline",
        "x_engine": card.engine,
        "x_aliases": list(card.aliases),
        "x_capabilities": sorted(card.capabilities),
        "x_prices": card.prices.model_dump(mode="json"),
    }
