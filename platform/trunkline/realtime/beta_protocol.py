"""The beta generation at the edge: its frames in, GA events inside, its frames out. Pure.

The generation is fixed for the life of a connection. What GA has and beta has not is kept here: the
temperature, which is echoed, and the names of the session events of transcription.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trunkline.domain.events import Json
from trunkline.realtime import server_events as ev
from trunkline.realtime.beta_events import (
    LEFT_OUT,
    NAMES,
    item_from_beta,
    item_to_beta,
    response_params_from_beta,
    response_to_beta,
)
from trunkline.realtime.beta_session import (
    DEFAULT_TEMPERATURE,
    beta_param,
    beta_session,
    session_update_from_beta,
)
from trunkline.realtime.client_events import ClientEvent
from trunkline.realtime.protocol import ServerProtocol

_UPDATES: Final = {"session.update": False, "transcription_session.update": True}


class BetaProtocol(ServerProtocol):
    """``temperature``: what the session began with."""

    def __init__(self, *, temperature: float = DEFAULT_TEMPERATURE) -> None:
        super().__init__()
        self._temperature = temperature
        # Asked for by the event being taken: in force when its answer is written.
        self._asked: float | None = None
        self._of_response: dict[str, float] = {}

    def _event(self, kind: str, document: dict[str, Json]) -> ClientEvent:
        self._asked = None
        if kind in _UPDATES:
            return super()._event("session.update", self._session_update(kind, document))
        if kind == "conversation.item.create" and "item" in document:
            document = {**document, "item": item_from_beta(document["item"])}
        elif kind == "response.create" and document.get("response") is not None:
            response, self._asked = response_params_from_beta(document["response"])
            document = {**document, "response": response}
        return super()._event(kind, document)

    def _session_update(self, kind: str, document: dict[str, Json]) -> dict[str, Json]:
        flat = document.get("session")
        if not isinstance(flat, Mapping):
            return {**document, "type": "session.update"}  # the GA types say what is wrong
        session = session_update_from_beta(flat, is_transcription=_UPDATES[kind])
        if flat.get("temperature") is not None and not _UPDATES[kind]:
            self._asked = float(flat["temperature"])
        return {**document, "type": "session.update", "session": session}

    # ---- server events -------------------------------------------------------------------------

    def write(self, event: ev.ServerEvent) -> bytes | None:
        if isinstance(event, ev.ResponseAudioDelta):
            return self._audio_delta("response.audio.delta", event)
        if event.type in LEFT_OUT:
            return None
        document: dict[str, Any] = event.model_dump(mode="json")
        match event:
            case ev.SessionCreated():
                document["session"] = self._session(document["session"])
            case ev.SessionUpdated():
                self._updated(document)
            case ev.ErrorEvent():
                _rename_param(document["error"])
            case ev.ResponseCreated() | ev.ResponseDone():
                document["response"] = self._response(document["response"], event)
            case ev.FunctionArgumentsDone():
                del document["name"]
            case _ if "item" in document:
                document["item"] = item_to_beta(document["item"])
        document["type"] = NAMES.get(document["type"], document["type"])
        return self._frame(document)

    def _session(self, session: dict[str, Json]) -> dict[str, Json]:
        return beta_session(session, temperature=self._temperature)

    def _updated(self, document: dict[str, Any]) -> None:
        if self._asked is not None:
            self._temperature, self._asked = self._asked, None
        flat = self._session(document["session"])
        if flat["object"] == "realtime.transcription_session":
            document["type"] = "transcription_session.updated"
            # The clients' types demand one; keys come from the REST endpoint.
            flat["client_secret"] = {"value": "", "expires_at": flat["expires_at"]}
        document["session"] = flat

    def _response(
        self, response: dict[str, Any], event: ev.ResponseCreated | ev.ResponseDone
    ) -> dict[str, Json]:
        response_id = event.response.id
        if isinstance(event, ev.ResponseCreated):
            own, self._asked = self._asked, None
            if own is not None:
                self._of_response[response_id] = own
            own = own or self._temperature
        else:
            own = self._of_response.pop(response_id, self._temperature)
        return response_to_beta(response, own)


def _rename_param(error: dict[str, Any]) -> None:
    param = error.get("param")
    if param:
        renamed = beta_param(param)
        error["param"] = renamed
        error["message"] = error["message"].replace(f"'{param}'", f"'{renamed}'")
