"""Tools as any model understands them: plain functions, with our annotations told in words. Pure.

``x-trunkline`` says how to ask for a slot, how its value is said and whether it is read back. Far
ends that do not know it refuse it or pass it over; what it says goes into the descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trunkline.domain.events import Json

NOTES: Final = "x-trunkline"
_MAX_EXAMPLES: Final = 12
_HOW_SAID: Final[Mapping[str, str]] = {
    "digits": "Callers say the digits one by one or in groups; write digits only.",
    "code": "Callers may spell it; write it without spaces.",
    "email": "Callers spell it and say 'at' and 'dot'; write it as an e-mail address.",
    "amount": "Write the amount as the schema asks, without a currency sign.",
    "date": "Write it as YYYY-MM-DD.",
    "time": "Write it as HH:MM, 24 hours.",
}


def plain_tool(tool: Mapping[str, Json]) -> dict[str, Any]:
    """``name``, ``description`` and ``parameters``, without annotations."""
    notes = _notes(tool)
    description = _text(tool.get("description"))
    parameters = tool.get("parameters")
    schema = parameters if isinstance(parameters, Mapping) else {"type": "object", "properties": {}}
    said = [description] if description else []
    if notes.get("role") == "intent" and (label := _text(notes.get("label"))):
        said.append(f"(In short: {label}.)")
    if examples := _texts(notes.get("examples"))[:_MAX_EXAMPLES]:
        quoted = ", ".join(f'"{example}"' for example in examples)
        said.append(f"Callers say, for example: {quoted}.")
    return {
        "name": tool.get("name"),
        "description": " ".join(said),
        "parameters": _plain_schema(schema, description),
    }


def plain_realtime_tools(tools: Sequence[Mapping[str, Json]]) -> list[dict[str, Any]]:
    """In the Realtime API's flat shape."""
    return [{"type": "function", **plain_tool(tool)} for tool in tools]


def _plain_schema(node: Any, told: str) -> Any:
    if isinstance(node, Mapping):
        plain = {key: _plain_schema(value, told) for key, value in node.items() if key != NOTES}
        words = _slot_words(_notes(node), told)
        if words:
            own = _text(node.get("description"))
            plain["description"] = f"{own}. {words}" if own else words
        return plain
    if isinstance(node, list | tuple):
        return [_plain_schema(entry, told) for entry in node]
    return node


def _slot_words(notes: Mapping[str, Json], told: str) -> str:
    """``told``: what the tool's own description says already."""
    said: list[str] = []
    ask = _text(notes.get("ask"))
    if ask and ask not in told:
        said.append(f'Ask for it with: "{ask}"')
    if how := _HOW_SAID.get(_text(notes.get("kind"))):
        said.append(how)
    if today := _text(notes.get("today")):
        said.append(f"Today is {today}.")
    for name, word in (("minimum", "At least"), ("maximum", "At most")):
        if limit := _text(notes.get(name)):
            said.append(f"{word} {limit}.")
    synonyms = notes.get("synonyms")
    if isinstance(synonyms, Mapping):
        for value, also in synonyms.items():
            if words := _texts(also):
                said.append(f"{value}: also {', '.join(words[:_MAX_EXAMPLES])}.")
    reprompts = _texts(notes.get("reprompts"))
    if reprompts:
        said.append(f'When it was not understood, ask: "{reprompts[0]}"')
    match notes.get("confirm"):
        case "always":
            said.append("Read it back and wait for a yes before you report it.")
        case "low_confidence":
            said.append("Read it back only when it was heard unclearly.")
    read_back = _text(notes.get("read_back"))
    if read_back and notes.get("confirm") != "never":
        said.append(f'Read it back with: "{read_back}"')
    return " ".join(said)


def _notes(node: Mapping[str, Json]) -> Mapping[str, Json]:
    notes = node.get(NOTES)
    return notes if isinstance(notes, Mapping) else {}


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Json) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(entry.strip() for entry in value if isinstance(entry, str) and entry.strip())
