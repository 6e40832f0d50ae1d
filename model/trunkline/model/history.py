"""Wire items as the engine sees them."""

from __future__ import annotations

from trunkline.model.engine import HistoryItem, ItemRole
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    Item,
    MessageItem,
    OutputAudioPart,
    item_text,
)

_ROLES = {"system": ItemRole.SYSTEM, "user": ItemRole.USER, "assistant": ItemRole.ASSISTANT}


def history_item(item: Item, item_id: str, confidence: float | None) -> HistoryItem:
    """Assistant speech is already cut at what was heard; ``confidence`` is the recogniser's."""
    if isinstance(item, FunctionCallItem):
        return HistoryItem(
            item_id,
            ItemRole.FUNCTION_CALL,
            name=item.name,
            call_id=item.call_id or "",
            arguments=item.arguments,
        )
    if isinstance(item, FunctionCallOutputItem):
        return HistoryItem(
            item_id, ItemRole.FUNCTION_OUTPUT, text=item.output, call_id=item.call_id
        )
    assert isinstance(item, MessageItem)
    return HistoryItem(
        item_id,
        _ROLES[item.role],
        text=item_text(item),
        confidence=confidence,
        was_audio=any(isinstance(part, InputAudioPart | OutputAudioPart) for part in item.content),
    )
