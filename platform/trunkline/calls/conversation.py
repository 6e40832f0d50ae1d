"""The conversation as the engine has it, kept true: what was not heard is not in it.

Every change goes to the server as an item event and is remembered here, so that another engine can
be given the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from trunkline.domain.events import Json
from trunkline.domain.ids import mint
from trunkline.realtime.client_events import ClientEvent, ItemCreate, ItemDelete, ItemTruncate
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    assistant_message,
    user_message,
)

_MOST_ENTRIES: Final = 2000  # far beyond any call; the oldest are forgotten then


def new_item_id() -> str:
    """At most 32 characters: the protocol's limit for a client's own ids."""
    return mint("item", 20)


@dataclass(slots=True)
class _Entry:
    item_id: str
    item: Item | None = None  # None: on the server, with nothing that could be said again yet


class Conversation:
    def __init__(self, send: Callable[[ClientEvent], None]) -> None:
        self._send = send
        self._entries: list[_Entry] = []
        self._held_back: dict[str, FunctionCallItem] = {}  # by call id, until there is an output

    def _find(self, item_id: str) -> _Entry | None:
        return next((e for e in reversed(self._entries) if e.item_id == item_id), None)

    def _note(self, item_id: str, item: Item | None) -> None:
        entry = self._find(item_id)
        if entry is not None:
            entry.item = item
            return
        self._entries.append(_Entry(item_id, item))
        del self._entries[:-_MOST_ENTRIES]

    # ---- the agent's lines ---------------------------------------------------------------------

    def line_queued(self, item_id: str, text: str) -> None:
        """A line the edge speaks itself: an assistant item, before what may be asked next."""
        item = assistant_message(text, item_id=item_id)
        self._note(item_id, item)
        self._send(ItemCreate(item=item))

    def line_cut(self, item_id: str, heard: str) -> None:
        """The line was not heard to its end: replace it by what was, or take it out."""
        at = next((n for n, e in enumerate(self._entries) if e.item_id == item_id), None)
        if at is None:
            return
        self._send(ItemDelete(item_id=item_id))
        if not heard:
            del self._entries[at]
            return
        before = self._entries[at - 1].item_id if at else "root"
        item = assistant_message(heard, item_id=new_item_id())
        self._entries[at] = _Entry(item.id or "", item)
        self._send(ItemCreate(item=item, previous_item_id=before))

    # ---- the engine's items --------------------------------------------------------------------

    def reply_began(self, item_id: str) -> None:
        self._note(item_id, None)

    def reply_heard(self, item_id: str, text: str) -> None:
        """The reply was played to its end."""
        self._note(item_id, assistant_message(text, item_id=item_id) if text else None)

    def reply_cut(self, item_id: str, heard_ms: int, heard: str, *, has_audio: bool) -> None:
        """Truncate at what was heard; without audio there is nothing to truncate."""
        self._note(item_id, assistant_message(heard, item_id=item_id) if heard else None)
        if has_audio:
            self._send(ItemTruncate(item_id=item_id, content_index=0, audio_end_ms=heard_ms))

    def called(self, call: FunctionCallItem) -> None:
        self._note(call.id or new_item_id(), call)

    def reply(self, call_id: str, output: Json) -> None:
        """``function_call_output``; asks for nothing."""
        held_back = self._held_back.pop(call_id, None)
        if held_back is not None:
            self._note(held_back.id or "", held_back)
            self._send(ItemCreate(item=held_back))
        text = output if isinstance(output, str) else orjson.dumps(output, default=str).decode()
        item = FunctionCallOutputItem(id=new_item_id(), call_id=call_id, output=text)
        self._note(item.id or "", item)
        self._send(ItemCreate(item=item))

    def answered(self, output: FunctionCallOutputItem) -> None:
        """Somebody else has given a function call its output."""
        self._note(output.id or new_item_id(), output)

    # ---- the caller ----------------------------------------------------------------------------

    def caller_committed(self, item_id: str) -> None:
        self._note(item_id, None)

    def caller_said(self, item_id: str, text: str) -> None:
        self._note(item_id, user_message(text, item_id=item_id) if text else None)

    def replace(self, item_id: str, text: str) -> None:
        """Something the caller said must not be in there: another text in its place."""
        at = next((n for n, e in enumerate(self._entries) if e.item_id == item_id), None)
        self._send(ItemDelete(item_id=item_id))
        item = user_message(text, item_id=new_item_id())
        if at is None:
            self._note(item.id or "", item)
            self._send(ItemCreate(item=item))
            return
        before = self._entries[at - 1].item_id if at else "root"
        self._entries[at] = _Entry(item.id or "", item)
        self._send(ItemCreate(item=item, previous_item_id=before))

    def discard(self, item_id: str) -> None:
        """It was no turn: a backchannel, noise, an echo."""
        self._entries = [entry for entry in self._entries if entry.item_id != item_id]
        self._send(ItemDelete(item_id=item_id))

    # ---- another engine ------------------------------------------------------------------------

    def replay(self) -> None:
        """Tell a fresh session all that was said and heard, under new ids.

        Function calls go along only with their outputs; a call without one would wait for ever,
        and follows when it has one.
        """
        answered = {
            entry.item.call_id
            for entry in self._entries
            if isinstance(entry.item, FunctionCallOutputItem)
        }
        kept: list[_Entry] = []
        for entry in self._entries:
            item = entry.item
            if item is None:
                continue
            renamed = item.model_copy(update={"id": new_item_id(), "status": None, "object": None})
            if isinstance(renamed, FunctionCallItem) and renamed.call_id not in answered:
                self._held_back[renamed.call_id or ""] = renamed
                continue
            kept.append(_Entry(renamed.id or "", renamed))
            self._send(ItemCreate(item=renamed))
        self._entries = kept
