"""A client of the beta generation: GA events inside, its frames on the wire. Pure.

The other side of ``beta_protocol``, by the same tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trunkline.domain.events import Json
from trunkline.realtime.beta_events import NAMES, item_to_beta, response_params_to_beta
from trunkline.realtime.beta_session import session_update_to_beta
from trunkline.realtime.client_events import ClientEvent
from trunkline.realtime.protocol import ClientProtocol
from trunkline.realtime.server_events import ServerEvent

BETA_HEADER: Final = {"OpenAI-Beta": "realtime=v1"}
_GA_NAMES: Final = {beta: ga for ga, beta in NAMES.items()} | {
    "transcription_session.updated": "session.updated"
}
_GA_PARTS: Final = {"text": "output_text", "audio": "output_audio"}
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
_ARGUMENTS_DONE: Final = "response.function_call_arguments.done"


class BetaClientProtocol(ClientProtocol):
    def _document(self, event: ClientEvent) -> dict[str, Json]:
        document = super()._document(event)
        match event.type:
            case "session.update":
                document["session"] = session_update_to_beta(document["session"])
            case "conversation.item.create":
                document["item"] = item_to_beta(document["item"])
            case "response.create" if isinstance(document.get("response"), Mapping):
                document["response"] = response_params_to_beta(document["response"])
        return document

    def _event(self, document: dict[str, Json]) -> ServerEvent:
        document["type"] = _GA_NAMES.get(document["type"], document["type"])
        if isinstance(document.get("item"), Mapping):
            document["item"] = _item(document["item"])
        if isinstance(document.get("response"), Mapping):
            document["response"] = _response(document["response"])
        if document["type"] == _ARGUMENTS_DONE:
            document.setdefault("name", "")  # the item tells it
        elif document["type"] == _TRANSCRIBED:
            document.setdefault("usage", {"type": "duration", "seconds": 0.0})
        return super()._event(document)


def _item(item: Mapping[str, Any]) -> dict[str, Json]:
    content = item.get("content")
    if not isinstance(content, list) or item.get("role") != "assistant":
        return dict(item)
    parts = [
        {**part, "type": _GA_PARTS.get(str(part.get("type")), part.get("type"))}
        if isinstance(part, Mapping)
        else part
        for part in content
    ]
    return {**item, "content": parts}


def _response(response: Mapping[str, Any]) -> dict[str, Json]:
    result = dict(response)
    modalities = result.pop("modalities", None)
    if isinstance(modalities, list):
        result["output_modalities"] = ["audio"] if "audio" in modalities else ["text"]
    output = result.get("output")
    if isinstance(output, list):
        result["output"] = [_item(item) if isinstance(item, Mapping) else item for item in output]
    return result
