"""The Realtime protocol without I/O, for either side: text in, typed events out, and back.

One object per connection. It holds what must be kept between events: the counter that makes event
ids unique and the size limits. The shells (client.py; the model server's WebSocket) move the bytes.
"""

from __future__ import annotations

from typing import Final

import orjson
import pybase64
from pydantic import ValidationError

from trunkline.domain.errors import EngineProtocolError, ProtocolError
from trunkline.domain.events import Json
from trunkline.domain.ids import mint
from trunkline.realtime.client_events import (
    CLIENT_EVENTS,
    MAX_EVENT_ID_CHARS,
    ClientEvent,
    InputAudioAppend,
    SessionUpdate,
)
from trunkline.realtime.complaints import complaint
from trunkline.realtime.server_events import (
    ConversationCreated,
    ErrorDetail,
    ErrorEvent,
    ResponseAudioDelta,
    ServerEvent,
    UnknownEvent,
    server_event_adapter,
    server_event_types,
)

MAX_APPEND_BYTES: Final = 15 * 1024 * 1024  # of audio in one append (contract 1.3)
MAX_FRAME_BYTES: Final = MAX_APPEND_BYTES * 4 // 3 + 64 * 1024
MAX_CONTROL_BYTES: Final = 4 * 1024 * 1024  # any event but append
MAX_DEPTH: Final = 100

_APPEND: Final = "input_audio_buffer.append"
_SERVER_TYPES: Final = server_event_types()


def _echoed_id(document: dict[str, Json]) -> str | None:
    event_id = document.get("event_id")
    if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS:
        return event_id
    return None


class ServerProtocol:
    """The server's side: client events in, server events out with unique event ids. The GA
    generation; beta_protocol.py translates the other one at the edge."""

    def __init__(self) -> None:
        self._stem = mint("event", 12)
        self._written = 0

    def receive(self, frame: str | bytes) -> ClientEvent:
        """Read one text frame; raises ProtocolError, whose ``event_id`` is the client's."""
        if len(frame) > MAX_FRAME_BYTES:
            raise ProtocolError(
                f"The event is larger than {MAX_FRAME_BYTES} bytes.", code="string_above_max_length"
            )
        try:
            document = orjson.loads(frame)
        except orjson.JSONDecodeError:
            raise ProtocolError("The event is not valid JSON.", code="invalid_json") from None
        if not isinstance(document, dict):
            raise ProtocolError("The event must be a JSON object.", code="invalid_event")
        kind = document.get("type")
        if kind == _APPEND:
            return _append(document)
        try:
            _check_envelope(kind, document, len(frame))
            return self._event(document["type"], document)
        except ProtocolError as exc:
            exc.event_id = exc.event_id or _echoed_id(document)
            raise

    def receive_binary(self) -> ProtocolError:
        """The complaint about a binary frame: every event is text."""
        return ProtocolError("Events are JSON text frames, not binary.", code="invalid_event")

    def write(self, event: ServerEvent) -> bytes | None:
        """One text frame, the event's own id in it; None when this generation has no such event."""
        if isinstance(event, ResponseAudioDelta):
            return self._audio_delta("response.output_audio.delta", event)
        if isinstance(event, ConversationCreated):
            return None
        return self._frame(event.model_dump(mode="json"))

    # ---- for both generations ------------------------------------------------------------------

    def _event(self, kind: str, document: dict[str, Json]) -> ClientEvent:
        """A GA event from its document; strict, so that "1" is no number."""
        adapter = CLIENT_EVENTS.get(kind)
        if adapter is None:
            raise ProtocolError(
                f"Invalid value: '{kind[:64]}' is not an event this server takes.",
                code="invalid_value",
                param="type",
            )
        try:
            return adapter.validate_json(orjson.dumps(document), strict=True)
        except ValidationError as exc:
            code, message, param = complaint(exc, document, root="")
            raise ProtocolError(message, code=code, param=param) from None

    def _next_id(self) -> str:
        self._written += 1
        return f"{self._stem}{self._written:x}"

    def _frame(self, document: dict[str, Json]) -> bytes:
        document["event_id"] = self._next_id()
        return orjson.dumps(document)

    def _audio_delta(self, kind: str, event: ResponseAudioDelta) -> bytes:
        # The only frequent event; ids and base64 need no escaping.
        return (
            f'{{"event_id":"{self._next_id()}","type":"{kind}",'
            f'"response_id":"{event.response_id}","item_id":"{event.item_id}",'
            f'"output_index":{event.output_index},"content_index":{event.content_index},'
            f'"delta":"{event.delta}"}}'
        ).encode()


def _check_envelope(kind: Json, document: dict[str, Json], size: int) -> None:
    if not isinstance(kind, str):
        raise ProtocolError(
            "The event must have a string 'type'.", code="invalid_event", param="type"
        )
    if size > MAX_CONTROL_BYTES:
        raise ProtocolError(
            f"The event is larger than {MAX_CONTROL_BYTES} bytes.", code="string_above_max_length"
        )
    if _is_deeper_than(document, MAX_DEPTH):
        raise ProtocolError(
            f"The event is nested deeper than {MAX_DEPTH} levels.", code="invalid_value"
        )


def _is_deeper_than(document: Json, levels: int) -> bool:
    layer: list[Json] = [document]
    for _ in range(levels):
        inner: list[Json] = []
        for value in layer:
            children = value.values() if isinstance(value, dict) else value
            inner += [child for child in children if isinstance(child, dict | list)]
        if not inner:
            return False
        layer = inner
    return True


def error_event(error: ProtocolError, *, kind: str = "invalid_request_error") -> ErrorEvent:
    """The ``error`` event that answers a rejected client event."""
    return ErrorEvent(
        error=ErrorDetail(
            type=kind,
            code=error.code,
            message=error.message,
            param=error.param,
            event_id=error.event_id,
        )
    )


def _append(document: dict[str, Json]) -> InputAudioAppend:
    """The hot path: one dictionary look-up, one base64 decode, no validation machinery."""
    audio = document.get("audio")
    if not isinstance(audio, str):
        raise ProtocolError(
            "Missing required parameter: 'audio'."
            if audio is None
            else "Invalid type for 'audio': expected a base64 string.",
            code="missing_required_parameter" if audio is None else "invalid_type",
            param="audio",
            event_id=_echoed_id(document),
        )
    try:
        payload = pybase64.b64decode(audio, validate=True)
    except ValueError:
        raise ProtocolError(
            "Invalid value for 'audio': not valid base64.",
            code="invalid_value",
            param="audio",
            event_id=_echoed_id(document),
        ) from None
    if len(payload) > MAX_APPEND_BYTES:
        raise ProtocolError(
            "At most 15 MiB of audio fit in one append.",
            code="string_above_max_length",
            param="audio",
            event_id=_echoed_id(document),
        )
    return InputAudioAppend.model_construct(audio=payload, event_id=_echoed_id(document))


class ClientProtocol:
    """The client's side: server events in, client events out."""

    def receive(self, frame: str | bytes) -> ServerEvent:
        """Read one text frame; an unknown type is kept as UnknownEvent. EngineProtocolError when it
        is no Realtime event, or a known one whose shape is wrong."""
        try:
            document = orjson.loads(frame)
        except orjson.JSONDecodeError:
            raise EngineProtocolError("the server sent a frame that is not JSON") from None
        if not isinstance(document, dict) or not isinstance(document.get("type"), str):
            raise EngineProtocolError("the server sent a frame that is not a Realtime event")
        return self._event(document)

    def _event(self, document: dict[str, Json]) -> ServerEvent:
        """A GA event."""
        if document["type"] in _SERVER_TYPES:
            try:
                return server_event_adapter.validate_python(document)
            except ValidationError as exc:
                _, message, param = complaint(exc, document, root="")
                raise EngineProtocolError(
                    f"the server sent a malformed {document['type']} ({param}: {message})"
                ) from None
        return UnknownEvent.model_validate(document)

    def write(self, event: ClientEvent) -> bytes:
        if isinstance(event, InputAudioAppend):
            return self.write_append(event.audio)
        return orjson.dumps(self._document(event))

    def _document(self, event: ClientEvent) -> dict[str, Json]:
        document = event.model_dump(mode="json", exclude_none=True, exclude_unset=False)
        if isinstance(event, SessionUpdate):
            document["session"] = event.session  # where null means something
        return document

    def write_append(self, payload: bytes) -> bytes:
        """``input_audio_buffer.append``, every 20 ms; audio in the session's input format."""
        return (
            b'{"type":"input_audio_buffer.append","audio":"' + pybase64.b64encode(payload) + b'"}'
        )
