"""Rows of the live page, rendered once for everybody who watches.

A row takes 0.2 ms to render; a hundred busy calls on ten screens would take more than a core.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from trunkline.dashboard.live_board import LiveCall
from trunkline.dashboard.render import Pages
from trunkline.domain.ids import CallId

_Key: TypeAlias = tuple[CallId, bool]


class LiveRows:
    """Keeps the newest row of each call, with and without the right to end it."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._rows: dict[_Key, tuple[tuple[Any, ...], str]] = {}

    def row(self, call: LiveCall, *, can_hang_up: bool) -> str:
        key = (call.call_id, can_hang_up)
        # Storage changes these without a new fact.
        seen = (call.version, call.state, call.step, call.is_known, call.answered_at)
        kept = self._rows.get(key)
        if kept is None or kept[0] != seen:
            html = self._pages.text("_live_row.html", call=call, can_hang_up=can_hang_up)
            kept = self._rows[key] = (seen, html)
        return kept[1]

    def keep(self, calls: Iterable[LiveCall]) -> None:
        """Drop the rows of all other calls."""
        wanted = {call.call_id for call in calls}
        if len(self._rows) > 2 * len(wanted):
            self._rows = {key: row for key, row in self._rows.items() if key[0] in wanted}
