"""Messages between the model server and a recogniser process: length, kind, body.

``J``: a JSON object with a ``type``. ``A``: a turn's number (8 bytes, big endian), then PCM16.
To the process: prepare, begin, foresee, go_on, end, drop, and audio. From it: ready, partial,
foreseen, final, failed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import orjson

from trunkline.model.cascade.heard import Heard, HeardWord

_HEAD: Final = struct.Struct(">IB")
_TURN: Final = struct.Struct(">Q")
_JSON: Final = ord("J")
_AUDIO: Final = ord("A")
HEAD_BYTES: Final = _HEAD.size
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024


def pack_json(message: dict[str, Any]) -> bytes:
    body = orjson.dumps(message)
    return _HEAD.pack(len(body), _JSON) + body


def pack_audio(turn: int, pcm: bytes) -> bytes:
    return _HEAD.pack(_TURN.size + len(pcm), _AUDIO) + _TURN.pack(turn) + pcm


def body_length(head: bytes) -> int:
    """Raises ValueError when the other side speaks nonsense."""
    length, _ = _HEAD.unpack(head)
    if length > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {length} bytes is longer than {MAX_MESSAGE_BYTES}")
    return int(length)


def unpack(head: bytes, body: bytes) -> dict[str, Any]:
    """A JSON message, or ``{"type": "audio", "turn": …, "pcm": …}``."""
    _, kind = _HEAD.unpack(head)
    if kind == _AUDIO:
        (turn,) = _TURN.unpack_from(body)
        return {"type": "audio", "turn": turn, "pcm": body[_TURN.size :]}
    message: dict[str, Any] = orjson.loads(body)
    return message


class Unpacker:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[dict[str, Any]]:
        self._buffer += received
        while len(self._buffer) >= HEAD_BYTES:
            head = bytes(self._buffer[:HEAD_BYTES])
            end = HEAD_BYTES + body_length(head)
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEAD_BYTES:end])
            del self._buffer[:end]
            yield unpack(head, body)


def heard_to_json(heard: Heard) -> dict[str, Any]:
    return asdict(heard)


def heard_from_json(value: dict[str, Any]) -> Heard:
    words = tuple(HeardWord(**word) for word in value["words"])
    return Heard(value["text"], value["probability"], words, tuple(value["others"]))
