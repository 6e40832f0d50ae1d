"""Facts as JSON documents and back: the live stream, the spool and the event log all use this.

A document is the fact's fields plus ``"fact"``, the kind in snake case (``call_started``). Fields
that a reader does not know are ignored, so that an older process can read a newer one's facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from pydantic import TypeAdapter, ValidationError

from trunkline.domain.errors import Invalid
from trunkline.domain.events import CallFact, Json

_KINDS: Final[Mapping[str, type[CallFact]]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(CallFact)
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter(kind) for name, kind in _KINDS.items()
}


def encode_fact(fact: CallFact) -> dict[str, Json]:
    """JSON-ready values only: times as ISO 8601, enums as their values."""
    name = _NAMES[type(fact)]
    return {"fact": name, **_ADAPTERS[name].dump_python(fact, mode="json")}


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
