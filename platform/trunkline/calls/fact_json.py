"""Facts as JSON documents and back: the live stream, the spool and the event log all use this.

A document is the fact's fields plus ``"fact"``, the kind in snake case (``call_started``). Fields
that a reader does not know are ignored, so that an older process can read a newer one's facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast, get_args

import orjson
from pydantic import TypeAdapter, ValidationError

from trunkline.domain.errors import Invalid
from trunkline.domain.events import CallFact, Json

_KINDS: Final[Mapping[str, type[CallFact]]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(CallFact)
}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter(kind) for name, kind in _KINDS.items()
}


def encode_fact(fact: CallFact) -> dict[str, Json]:
    """JSON-ready values only: times as ISO 8601, enums as their values."""
    name = _NAMES[type(fact)]
    return {"fact": name, **_ADAPTERS[name].dump_python(fact, mode="json")}


def document_bytes(document: Mapping[str, Json]) -> bytes:
    """One line of JSON, whatever the texts hold; values that JSON lacks are written as text.

    A lone surrogate becomes U+FFFD, an integer beyond 64 bits its digits: what a peer or a tool
    wrote must not cost the call its facts.
    """
    try:
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        writable = _writable(document)
        return orjson.dumps(writable, default=str, option=orjson.OPT_NON_STR_KEYS)


def _writable(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case bool():
            return value
        case int():
            return value if -(2**63) <= value < 2**64 else str(value)
        case Mapping():
            return {_writable(key): _writable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_writable(one) for one in value]
        case _:
            return value


def decode_fact(document: Mapping[str, Json]) -> CallFact:
    """Raises Invalid when the kind is unknown or a field is missing or of the wrong type."""
    name = document.get("fact")
    adapter = _ADAPTERS.get(name) if isinstance(name, str) else None
    if adapter is None:
        raise Invalid("the document is not a fact of a call", code="unknown_fact")
    fields = {key: value for key, value in document.items() if key != "fact"}
    try:
        return cast(CallFact, adapter.validate_python(fields))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{name}.{place}: {first['msg']}", code="bad_fact", param=place) from None
