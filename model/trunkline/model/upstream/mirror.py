"""The far end's conversation as we know it, and what makes it ours again before a response. Pure.

Our items and the far end's have ids of their own. A turn is known from its commit on. What the far
end answered comes back from our conversation under an id it has never seen: it is recognised by its
kind, order and words, and cut there at what the caller heard of it. Whatever cannot be recognised
is said anew as text, so that the far end never believes in words that nobody heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.ids import mint
from trunkline.model.engine import HistoryItem, ItemRole
from trunkline.model.upstream.session_document import item_of
from trunkline.realtime.client_events import ClientEvent, ItemCreate, ItemDelete, ItemTruncate

_ROOT: Final = "root"
_ID_CHARS: Final = 20


@dataclass(slots=True)
class FarItem:
    """``key``: our item's, once it is known. ``marks``: where words end, by characters of the text
    and ms of the audio; empty for what has no audio there."""

    far_id: str
    role: ItemRole
    text: str = ""
    key: tuple[str, ItemRole] | None = None
    name: str = ""
    arguments: str = ""
    call_id: str = ""
    is_caller_audio: bool = False
    audio_ms: float = 0.0
    marks: tuple[tuple[int, int], ...] = ()


class Mirror:
    """One far-end session's; a new session has a new one."""

    def __init__(self) -> None:
        self._items: list[FarItem] = []
        self._call_ids: dict[str, str] = {}  # ours to the far end's

    def __len__(self) -> int:
        return len(self._items)

    def turn_committed(self, far_id: str, item_id: str) -> None:
        key = (item_id, ItemRole.USER)
        self._items.append(FarItem(far_id, ItemRole.USER, key=key, is_caller_audio=True))

    def answered(self, item: FarItem) -> None:
        """An output item of a response in the conversation, whole or broken off."""
        self._items.append(item)

    def refused(self, far_id: str) -> None:
        """The far end did not take this item."""
        self._items = [item for item in self._items if item.far_id != far_id]

    def sync(self, history: Sequence[HistoryItem]) -> list[ClientEvent]:
        """The events that make the far end's conversation this one; taken as done."""
        self._recognise(history)
        called = {item.call_id for item in history if item.role is ItemRole.FUNCTION_CALL}
        wanted = [
            item
            for item in history
            if item.role is not ItemRole.FUNCTION_OUTPUT or item.call_id in called
        ]
        events: list[ClientEvent] = []
        keys = {(item.item_id, item.role) for item in wanted}
        for gone in [each for each in self._items if each.key not in keys]:
            self._drop(gone, events)
        placed: list[FarItem] = []
        for item in wanted:
            self._place(item, placed, events)
        # Whatever was out of its place has been said anew.
        for stray in [each for each in self._items if each not in placed]:
            self._drop(stray, events)
        self._items = placed
        return events

    # ---- inside --------------------------------------------------------------------------------

    def _place(self, item: HistoryItem, placed: list[FarItem], events: list[ClientEvent]) -> None:
        known = next((each for each in self._items if each.key == (item.item_id, item.role)), None)
        if (
            known is not None
            and self._is_behind(known, placed)
            and self._agrees(known, item, events)
        ):
            placed.append(known)
            return
        if known is not None:
            self._drop(known, events)
        call_id = self._call_ids.get(item.call_id, item.call_id)
        far_id = mint("item", _ID_CHARS)
        wire = item_of(item, call_id, far_id)
        if wire is None:
            return
        # Behind the last one that stands; what stands behind that stays behind this.
        previous = placed[-1].far_id if placed else _ROOT
        at = self._items.index(placed[-1]) + 1 if placed else 0
        place = None if at == len(self._items) else previous
        events.append(ItemCreate(event_id=mint("up", 16), item=wire, previous_item_id=place))
        made = FarItem(far_id, item.role, item.text, key=(item.item_id, item.role))
        self._items.insert(at, made)
        placed.append(made)

    def _is_behind(self, known: FarItem, placed: Sequence[FarItem]) -> bool:
        if not placed:
            return True
        return self._items.index(known) > self._items.index(placed[-1])

    def _agrees(self, known: FarItem, item: HistoryItem, events: list[ClientEvent]) -> bool:
        """Says the same, if need be after a cut."""
        if known.is_caller_audio or item.role is ItemRole.FUNCTION_CALL:
            return True
        if _plain(known.text) == _plain(item.text):
            return True
        if not known.audio_ms or not item.text.strip():
            return False
        heard = len(item.text.strip())
        ends = [ms for chars, ms in known.marks if chars <= heard]
        if not _plain(known.text).startswith(_plain(item.text)) or not ends:
            return False
        known.text = item.text
        events.append(
            ItemTruncate(
                event_id=mint("up", 16),
                item_id=known.far_id,
                content_index=0,
                audio_end_ms=min(ends[-1], int(known.audio_ms)),
            )
        )
        return True

    def _recognise(self, history: Sequence[HistoryItem]) -> None:
        known = {item.key for item in self._items}
        unknown = [item for item in self._items if item.key is None]
        for item in history:
            key = (item.item_id, item.role)
            if key in known or item.role not in (ItemRole.ASSISTANT, ItemRole.FUNCTION_CALL):
                continue
            found = next((each for each in unknown if _is_same(each, item)), None)
            if found is None:
                continue
            # In order: what lies before it was deleted meanwhile.
            del unknown[: unknown.index(found) + 1]
            found.key = key
            if item.role is ItemRole.FUNCTION_CALL:
                self._call_ids[item.call_id] = found.call_id

    def _drop(self, item: FarItem, events: list[ClientEvent]) -> None:
        self._items.remove(item)
        events.append(ItemDelete(event_id=mint("up", 16), item_id=item.far_id))


def _is_same(far: FarItem, item: HistoryItem) -> bool:
    if far.role is not item.role:
        return False
    if item.role is ItemRole.FUNCTION_CALL:
        return far.name == item.name and far.arguments == item.arguments
    return _plain(far.text).startswith(_plain(item.text))


def _plain(text: str) -> str:
    return " ".join(text.split())
