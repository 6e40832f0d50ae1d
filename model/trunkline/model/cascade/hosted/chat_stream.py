"""The chunks of a chat completion put together: text as it comes, calls once they are whole. Pure.

A far end may repeat an index, leave ids out, send a call in one piece or arguments letter by
letter, and may think aloud between ``<think>`` tags: none of it is spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trunkline.domain.errors import EngineError, EngineProtocolError

MAX_TEXT_CHARS: Final = 32_768
MAX_ARGUMENT_CHARS: Final = 262_144
MAX_CALLS: Final = 64
_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(slots=True)
class PartialCall:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class ChatAnswer:
    """``take`` each chunk's document; ``finish_reason`` is empty until the far end says one."""

    finish_reason: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    said: str = ""
    _calls: dict[int, PartialCall] = field(default_factory=dict)
    _thoughts: ThoughtFilter = field(default_factory=lambda: ThoughtFilter())

    def take(self, chunk: Mapping[str, Any]) -> str:
        """The text to speak that this chunk brings; EngineError for an error or a wrong shape."""
        if chunk.get("error"):
            raise EngineError("the far end reported an error in its answer", code="hosted_failed")
        if isinstance(usage := chunk.get("usage"), Mapping):
            self.usage = _usage(usage)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise EngineProtocolError("a chunk of the far end has no choices")
        text = ""
        for choice in choices[:1]:
            if not isinstance(choice, Mapping):
                raise EngineProtocolError("a choice of the far end is no object")
            # Some servers answer a streamed request with one whole message.
            delta = choice.get("delta") or choice.get("message") or {}
            if not isinstance(delta, Mapping):
                raise EngineProtocolError("a delta of the far end is no object")
            text += self._text(delta)
            self._take_calls(delta.get("tool_calls"))
            if isinstance(reason := choice.get("finish_reason"), str):
                self.finish_reason = reason
        return text

    def rest(self) -> str:
        """Text that was held back because a tag might have begun."""
        rest = self._thoughts.rest()
        self.said += rest
        return rest

    @property
    def calls(self) -> list[PartialCall]:
        """In their order; without a name there is nothing to call."""
        found = [self._calls[index] for index in sorted(self._calls)]
        if any(not call.name for call in found):
            raise EngineProtocolError("a call of the far end has no name")
        return found

    def _text(self, delta: Mapping[str, Any]) -> str:
        text = ""
        for key in ("content", "refusal"):
            value = delta.get(key)
            if value is not None and not isinstance(value, str):
                raise EngineProtocolError("a text of the far end is no string")
            text += value or ""
        text = self._thoughts.feed(text)
        self.said += text
        if len(self.said) > MAX_TEXT_CHARS:
            raise EngineProtocolError("the far end's answer is too long")
        return text

    def _take_calls(self, deltas: Any) -> None:
        if deltas is None:
            return
        if not isinstance(deltas, list):
            raise EngineProtocolError("the calls of the far end are no list")
        for place, delta in enumerate(deltas):
            function = delta.get("function") if isinstance(delta, Mapping) else None
            if not isinstance(function, Mapping):
                raise EngineProtocolError("a call of the far end is no function call")
            index = delta.get("index", place)
            if not isinstance(index, int) or not 0 <= index < MAX_CALLS:
                raise EngineProtocolError("a call of the far end has no usable index")
            call = self._calls.setdefault(index, PartialCall())
            if isinstance(delta.get("id"), str):
                call.call_id = call.call_id or delta["id"]
            if isinstance(function.get("name"), str):
                call.name = call.name or function["name"]
            arguments = function.get("arguments")
            if isinstance(arguments, str):
                call.arguments += arguments
            if len(call.arguments) > MAX_ARGUMENT_CHARS:
                raise EngineProtocolError("the arguments of the far end are too long")


class ThoughtFilter:
    """Leaves out what stands between the tags of reasoning models."""

    def __init__(self) -> None:
        self._held = ""
        self._is_inside = False

    def feed(self, text: str) -> str:
        self._held += text
        spoken = ""
        while self._held:
            tag = _CLOSE if self._is_inside else _OPEN
            before, found, after = self._held.partition(tag)
            if found:
                spoken += "" if self._is_inside else before
                self._held, self._is_inside = after, not self._is_inside
                continue
            keep = _overlap(self._held, tag)
            if not self._is_inside:
                spoken += self._held[: len(self._held) - keep]
            self._held = self._held[len(self._held) - keep :]
            break
        return spoken

    def rest(self) -> str:
        rest = "" if self._is_inside else self._held
        self._held = ""
        return rest


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``tag``."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return length
    return 0


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return {
        "input": _count(usage.get("prompt_tokens")),
        "cached": _count(cached),
        "output": _count(usage.get("completion_tokens")),
    }


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else 0
