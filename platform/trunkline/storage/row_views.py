"""A row as a view of the same field names."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

V = TypeVar("V")


def view_of(kind: type[V], row: object, /, **given: Any) -> V:
    """``kind`` with the row's values by name; ``given``: those that the row has otherwise, or not.

    Rows keep enumerations and ids as plain text: whoever reads gives them their types.
    """
    taken = {name: getattr(row, name) for name in _names(cast(Any, kind)) if name not in given}
    return kind(**taken, **given)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
