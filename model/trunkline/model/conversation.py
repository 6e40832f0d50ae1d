"""One conversation: items in order, what was heard of them, and what an engine may know. Pure.

Every method that can refuse raises ProtocolError before it changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.model.client_items import checked_item
from trunkline.model.engine import HistoryItem
from trunkline.model.heard_text import heard_text
from trunkline.model.history import history_items
from trunkline.model.tokens import agent_audio_tokens, text_tokens, user_audio_tokens
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    Item,
    MessageItem,
    OutputAudioPart,
    item_text,
)
from trunkline.realtime.mcp_items import (
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
)

MAX_ITEMS: Final = 10_000
# Of what the client put in itself, as JSON: a few images, or more text than any model reads.
MAX_CLIENT_BYTES: Final = 32 * 1024 * 1024
# Client libraries take 1 MiB a frame: about this much PCM in base64.
MAX_RETRIEVED_AUDIO_BYTES: Final = 600_000
MAX_KEPT_AUDIO_BYTES: Final = 8 * 1024 * 1024
# Clients compute ceil() of what they played: a frame more than there is does no harm.
_TRUNCATE_TOLERANCE_MS: Final = 20


@dataclass(slots=True)
class Entry:
    """An item and what is known of its audio. ``payload``: base64-free audio in the session's
    format, dropped when it grows too big. ``audio_ms``: of what was spoken or sent so far."""

    item: Item
    item_id: str
    audio_ms: float = 0.0
    payload: bytes = b""
    words: tuple[WordMark, ...] = ()
    transcript: str = ""
    confidence: float | None = None
    is_understood: bool = True  # False while a transcription is owed
    truncated_ms: int | None = None
    client_bytes: int = 0


class Conversation:
    """The default conversation of one session."""

    def __init__(self, *, sees_images: bool = False) -> None:
        self._sees_images = sees_images
        self.conversation_id = mint("conv")
        self._order: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._kept_bytes = 0
        self._client_bytes = 0
        self.has_spoken = False

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._order)

    def get(self, item_id: str) -> Entry | None:
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        return self._order[-1].item_id if self._order else None

    # ---- what the client does ------------------------------------------------------------------

    def create(self, item: Item, previous_item_id: str | None) -> tuple[Entry, str | None]:
        """Put a client's item in its place; returns it, completed, and the id before it."""
        checked = self._checked(item)
        place = self._place_after(previous_item_id)
        size = len(checked.model_dump_json())
        if self._client_bytes + size > MAX_CLIENT_BYTES:
            raise ProtocolError(
                f"A conversation holds at most {MAX_CLIENT_BYTES} bytes of items; delete some "
                "first.",
                code="conversation_full",
                param="item",
            )
        entry, previous = self._insert(checked, place)
        entry.client_bytes = size
        self._client_bytes += size
        return entry, previous

    def delete(self, item_id: str) -> None:
        entry = self._require(item_id, "item_delete_invalid_item_id")
        self._order.remove(entry)
        del self._by_id[item_id]
        entry.is_understood = True  # nobody waits for it any more
        self._kept_bytes -= len(entry.payload)
        self._client_bytes -= entry.client_bytes

    def retrieve(self, item_id: str) -> Entry:
        return self._require(item_id, "item_retrieve_invalid_item_id")

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Keep the first ``audio_end_ms`` of an assistant item's audio and of its transcript."""
        entry = self._require(item_id, "item_truncate_invalid_item_id")
        item = entry.item
        is_speech = isinstance(item, MessageItem) and item.role == "assistant" and entry.audio_ms
        if not is_speech:
            raise ProtocolError(
                "Only model output audio messages can be truncated.",
                code="unsupported_content_type",
                param="item_id",
            )
        if content_index != 0:
            raise ProtocolError(
                "content_index must be 0.", code="invalid_value", param="content_index"
            )
        if audio_end_ms > entry.audio_ms + _TRUNCATE_TOLERANCE_MS:
            raise ProtocolError(
                f"Audio content of {int(entry.audio_ms)}ms is already shorter than "
                f"{audio_end_ms}ms.",
                code="invalid_value",
                param="audio_end_ms",
            )
        entry.truncated_ms = min(audio_end_ms, entry.truncated_ms or audio_end_ms)
        entry.item = self._cut(entry)

    # ---- what the server does ------------------------------------------------------------------

    def add(self, item: Item) -> tuple[Entry, str | None]:
        """Append an item of ours (a committed turn, a response's output)."""
        return self._insert(item, len(self._order))

    def settle(self, entry: Entry, item: Item) -> Item:
        """The final form of an item that was being generated; a truncation that came while it was
        stays in force."""
        entry.item = item
        entry.transcript = item_text(item)
        if entry.truncated_ms is not None:
            entry.item = self._cut(entry)
        return entry.item

    def keep_audio(self, entry: Entry, payload: bytes) -> None:
        """Remember an item's audio for ``retrieve``, while it is small and there is room."""
        if len(entry.payload) + len(payload) > MAX_RETRIEVED_AUDIO_BYTES:
            self._kept_bytes -= len(entry.payload)
            entry.payload = b""
            return
        entry.payload += payload
        self._kept_bytes += len(payload)
        for old in self._order:
            if self._kept_bytes <= MAX_KEPT_AUDIO_BYTES:
                break
            self._kept_bytes -= len(old.payload)
            old.payload = b""

    def understood(self, item_id: str, text: str, confidence: float | None) -> None:
        """The transcription of a committed item, or an empty one when it failed."""
        entry = self._by_id.get(item_id)
        if entry is None:
            return
        entry.is_understood = True
        entry.transcript = text
        entry.confidence = confidence
        if isinstance(entry.item, MessageItem):
            entry.item = _with_words(entry.item, text)

    def foreseen(self, item_id: str, text: str, confidence: float | None) -> Entry:
        """A turn as it will read once it is committed and understood; it is in no conversation."""
        item = MessageItem(id=item_id, status="completed", role="user", content=(InputAudioPart(),))
        return Entry(_with_words(item, text), item_id, confidence=confidence)

    def unanswered_calls(self) -> list[str]:
        """The ``call_id`` of each function call that has no output."""
        answered = {
            entry.item.call_id
            for entry in self._order
            if isinstance(entry.item, FunctionCallOutputItem)
        }
        return [
            entry.item.call_id
            for entry in self._order
            if isinstance(entry.item, FunctionCallItem)
            and entry.item.call_id
            and entry.item.call_id not in answered
        ]

    # ---- what an engine may know ---------------------------------------------------------------

    def history(self, items: Sequence[Entry] | None = None) -> tuple[HistoryItem, ...]:
        entries = self._order if items is None else items
        return tuple(
            told
            for entry in entries
            for told in history_items(entry.item, entry.item_id, entry.confidence)
        )

    def input_tokens(self, items: Sequence[Entry] | None = None) -> tuple[int, int]:
        """What all of it costs as input: text tokens, audio tokens."""
        text, audio = 0, 0
        for entry in self._order if items is None else items:
            if isinstance(entry.item, FunctionCallItem | McpCallItem):
                text += text_tokens(entry.item.name + entry.item.arguments)
            elif entry.audio_ms and isinstance(entry.item, MessageItem):
                heard = entry.audio_ms if entry.truncated_ms is None else entry.truncated_ms
                is_user = entry.item.role == "user"
                audio += user_audio_tokens(heard) if is_user else agent_audio_tokens(heard)
            else:
                text += text_tokens(item_text(entry.item))
        return text, audio

    # ---- inside --------------------------------------------------------------------------------

    def checked_entry(self, item: Item) -> Entry:
        """A client's item as an entry of its own, outside the conversation (response input)."""
        checked = self._checked(item, is_new=False)
        return Entry(checked, str(checked.id))

    def _checked(self, item: Item, *, is_new: bool = True) -> Item:
        checked = checked_item(item, sees_images=self._sees_images)
        if is_new:
            self._check_room(checked)
        if isinstance(checked, McpApprovalRequestItem | McpApprovalResponseItem):
            self._check_approval(checked, is_new)
        elif isinstance(checked, FunctionCallOutputItem) and is_new:
            self._check_call(checked.call_id)
        return checked

    def _check_room(self, item: Item) -> None:
        if item.id in self._by_id:
            raise ProtocolError(
                f"An item with the id '{item.id}' exists already.",
                code="invalid_value",
                param="item.id",
            )
        if len(self._order) >= MAX_ITEMS:
            raise ProtocolError(
                f"A conversation holds at most {MAX_ITEMS} items; delete some first.",
                code="conversation_full",
            )

    def _check_approval(
        self, item: McpApprovalRequestItem | McpApprovalResponseItem, is_new: bool
    ) -> None:
        """A client answers each request once, and makes none."""
        if isinstance(item, McpApprovalRequestItem) or not is_new:
            raise ProtocolError(
                f"Invalid value: a client cannot put in an item of type '{item.type}' here.",
                code="invalid_value",
                param="item.type",
            )
        request = self._by_id.get(item.approval_request_id)
        if request is None or not isinstance(request.item, McpApprovalRequestItem):
            raise ProtocolError(
                f"No approval request with the id '{item.approval_request_id[:64]}'.",
                code="invalid_value",
                param="item.approval_request_id",
            )
        for entry in self._order:
            other = entry.item
            if isinstance(other, McpApprovalResponseItem) and (
                other.approval_request_id == item.approval_request_id
            ):
                raise ProtocolError(
                    "This approval request has been answered already.",
                    code="invalid_value",
                    param="item.approval_request_id",
                )

    def _check_call(self, call_id: str) -> None:
        for entry in self._order:
            if isinstance(entry.item, FunctionCallItem) and entry.item.call_id == call_id:
                return
        raise ProtocolError(
            f"No function call with the call_id '{call_id[:64]}' in this conversation.",
            code="invalid_tool_call_id",
            param="item.call_id",
        )

    def _place_after(self, previous_item_id: str | None) -> int:
        if previous_item_id is None:
            return len(self._order)
        if previous_item_id == "root":
            return 0
        for place, entry in enumerate(self._order):
            if entry.item_id == previous_item_id:
                return place + 1
        raise ProtocolError(
            f"No item with the id '{previous_item_id[:64]}' to insert behind.",
            code="invalid_value",
            param="previous_item_id",
        )

    def _insert(self, item: Item, place: int) -> tuple[Entry, str | None]:
        assert item.id is not None
        entry = Entry(item, item.id)
        previous = self._order[place - 1].item_id if place else None
        self._order.insert(place, entry)
        self._by_id[entry.item_id] = entry
        return entry, previous

    def _require(self, item_id: str, code: str) -> Entry:
        entry = self._by_id.get(item_id)
        if entry is None:
            raise ProtocolError(
                f"No item with the id '{item_id[:64]}' in this conversation.",
                code=code,
                param="item_id",
            )
        return entry

    def _cut(self, entry: Entry) -> Item:
        item, end_ms = entry.item, entry.truncated_ms
        if not isinstance(item, MessageItem) or end_ms is None or end_ms >= entry.audio_ms:
            return item
        heard = heard_text(entry.transcript, entry.words, end_ms, entry.audio_ms)
        entry.payload = b""
        return item.model_copy(update={"content": (OutputAudioPart(transcript=heard),)})


def _with_words(item: MessageItem, text: str) -> MessageItem:
    heard = InputAudioPart(transcript=text)
    content = tuple(
        heard if isinstance(part, InputAudioPart) and part.transcript is None else part
        for part in item.content
    )
    return item.model_copy(update={"content": content})
