"""A response's request as a chat completion (OpenAI's ``/chat/completions``). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trunkline.domain.events import Json
from trunkline.model.engine import EngineConfig, HistoryItem, ItemRole
from trunkline.model.plain_tools import plain_tool

# What every caller needs, whatever the agent's instructions forget: this is a telephone.
_MANNER: Final = (
    "You are speaking on the telephone: what you write is read out by a voice. Answer in one or "
    "two short sentences of plain spoken words, without lists, markup, emoji or links. What the "
    "caller says comes from speech recognition and may hold errors; ask again when it makes no "
    "sense. When a function fits what the caller wants and you know all its arguments, call it at "
    "once and say nothing about calling it. Never invent an argument that the caller did not give, "
    "and never claim that something was done that no function has reported."
)
_DOUBTFUL: Final = 0.5
_UNHEARD: Final = "(not understood)"
_NO_OUTPUT: Final = "(nothing was reported)"


def chat_body(
    config: EngineConfig,
    history: Sequence[HistoryItem],
    *,
    model: str,
    temperature: float | None,
    token_limit_field: str,
    takes_reasoning_effort: bool = False,
    extra: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """``extra``: messages after the conversation, such as what was wrong with a call."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [*_messages(config, history), *extra],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if temperature is not None:
        body["temperature"] = temperature
    if takes_reasoning_effort and config.reasoning_effort:
        body["reasoning_effort"] = config.reasoning_effort
    if config.max_output_tokens is not None:
        body[token_limit_field] = config.max_output_tokens
    if config.tools:
        body["tools"] = [{"type": "function", "function": plain_tool(t)} for t in config.tools]
        body["tool_choice"] = _choice(config.tool_choice)
    return body


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _choice(choice: str | Mapping[str, Json]) -> Any:
    if isinstance(choice, Mapping):
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _messages(config: EngineConfig, history: Sequence[HistoryItem]) -> list[dict[str, Any]]:
    system = "\n\n".join(part for part in (config.instructions, _MANNER) if part)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
    outputs = {item.call_id: item.text for item in history if item.role is ItemRole.FUNCTION_OUTPUT}
    calls: list[dict[str, Any]] = []

    def flush() -> None:
        """Calls in a row are one message, and their results follow it at once: servers demand
        both, wherever the results came in the conversation."""
        if not calls:
            return
        messages.append({"role": "assistant", "content": None, "tool_calls": list(calls)})
        for call in calls:
            output = outputs.get(call["id"]) or _NO_OUTPUT
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": output})
        calls.clear()

    for item in history:
        if item.role is ItemRole.FUNCTION_CALL:
            calls.append(tool_call(item.call_id or item.item_id, item.name, item.arguments or "{}"))
            continue
        if item.role is ItemRole.FUNCTION_OUTPUT:
            continue  # told behind its call; without one nobody could place it
        flush()
        if item.role is ItemRole.USER:
            messages.append({"role": "user", "content": _said_and_shown(item)})
        elif item.text.strip():
            role = "system" if item.role is ItemRole.SYSTEM else "assistant"
            messages.append({"role": role, "content": item.text})
    flush()
    return messages


def _said_and_shown(item: HistoryItem) -> str | list[dict[str, Any]]:
    if not item.images:
        return _heard(item)
    said = [{"type": "text", "text": item.text}] if item.text.strip() else []
    return [*said, *({"type": "image_url", "image_url": {"url": url}} for url in item.images)]


def _heard(item: HistoryItem) -> str:
    text = item.text.strip()
    if not text:
        return _UNHEARD
    if item.confidence is not None and item.confidence < _DOUBTFUL:
        return f"{text} (heard unclearly)"
    return text
