"""What of a request may leave the house: values by their last characters, sentences likewise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_LONG_NUMBER: Final = re.compile(r"\d(?:[ \-]?\d){5,}")
_DOTS: Final = "•••"


def masked(text: str) -> str:
    """The last characters, and never so many that the rest could be guessed."""
    kept = 4 if len(text) >= 8 else 2 if len(text) >= 5 else 0
    return _DOTS + (text[-kept:] if kept else "")


def values_of(arguments: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value by its dotted path, as text; lists by their places."""
    if isinstance(arguments, Mapping):
        for name, inner in arguments.items():
            yield from values_of(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(arguments, list | tuple):
        for place, inner in enumerate(arguments):
            yield from values_of(inner, f"{path}.{place}")
    else:
        yield path, "" if arguments is None else str(arguments)


def masked_sentence(text: str, arguments: Any, shown: str = "") -> str:
    """``text`` without the values of ``arguments``, but for the one at ``shown``, and without long
    numbers however they are spaced."""
    open_value = dict(values_of(arguments)).get(shown, "") if shown else ""
    hidden = {value for path, value in values_of(arguments) if path != shown and len(value) >= 3}
    for value in sorted(hidden - {open_value}, key=len, reverse=True):
        text = text.replace(value, masked(value))
    return _LONG_NUMBER.sub(lambda found: masked(found[0]), text)
