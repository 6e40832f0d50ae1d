"""Server-sent events out of bytes as they come (WHATWG HTML 9.2.6), bounded. Pure."""

from __future__ import annotations

import codecs
from typing import Any, Final

import orjson

from trunkline.domain.errors import EngineProtocolError

MAX_EVENT_CHARS: Final = 1024 * 1024
DONE: Final = "[DONE]"


class SseReader:
    """``feed`` returns the data of the events that are complete; names and ids are not kept."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes, *, is_last: bool = False) -> list[str]:
        """Raises EngineProtocolError for what is no UTF-8 or an event that is too big."""
        try:
            self._rest += self._decoder.decode(chunk, is_last)
        except UnicodeDecodeError:
            raise EngineProtocolError("the far end sent events that are not UTF-8") from None
        events: list[str] = []
        lines = self._rest.split("\n")
        self._rest = lines.pop()
        if self._size + len(self._rest) > MAX_EVENT_CHARS:
            raise EngineProtocolError("the far end sent an event that is too big")
        for line in lines:
            self._take(line.removesuffix("\r"), events)
        if is_last:
            # A last event without its blank line: some servers end so.
            self._take(self._rest.removesuffix("\r"), events)
            self._take("", events)
            self._rest = ""
        return events

    def _take(self, line: str, events: list[str]) -> None:
        if not line:
            if self._data:
                events.append("\n".join(self._data))
            self._data, self._size = [], 0
            return
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
            self._size += len(value)
            if self._size > MAX_EVENT_CHARS:
                raise EngineProtocolError("the far end sent an event that is too big")


def event_document(data: str) -> dict[str, Any]:
    """The JSON object of one event; EngineProtocolError when it is none."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise EngineProtocolError("the far end sent an event that is not JSON") from None
    if not isinstance(document, dict):
        raise EngineProtocolError("the far end sent an event that is no JSON object")
    return document
