"""Wire items as the engine sees them."""

from __future__ import annotations

from trunkline.model.engine import HistoryItem, ItemRole
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputImagePart,
    Item,
    MessageItem,
    OutputAudioPart,
    item_text,
)
from trunkline.realtime.mcp_items import McpApprovalResponseItem, McpCallItem

_ROLES = {"system": ItemRole.SYSTEM, "user": ItemRole.USER, "assistant": ItemRole.ASSISTANT}


def history_items(item: Item, item_id: str, confidence: float | None) -> tuple[HistoryItem, ...]:
    """Assistant speech is already cut at what was heard; ``confidence`` is the recogniser's. A call
    to an MCP server reads as a function call and its output; listings say nothing."""
    if isinstance(item, FunctionCallItem):
        call_id = item.call_id or ""
        return (_call(item_id, item.name, call_id, item.arguments),)
    if isinstance(item, FunctionCallOutputItem):
        return (_output(item_id, item.call_id, item.output),)
    if isinstance(item, McpCallItem):
        told = item.output if item.error is None else f"error: {item.error.message}"
        return (
            _call(item_id, item.name, item_id, item.arguments),
            _output(item_id, item_id, told or ""),
        )
    if isinstance(item, McpApprovalResponseItem):
        if item.approve:
            return ()  # the call that it let run follows
        reason = f": {item.reason}" if item.reason else ""
        return (_output(item_id, item.approval_request_id, f"not approved{reason}"),)
    if not isinstance(item, MessageItem):
        return ()
    return (
        HistoryItem(
            item_id,
            _ROLES[item.role],
            text=item_text(item),
            confidence=confidence,
            was_audio=any(
                isinstance(part, InputAudioPart | OutputAudioPart) for part in item.content
            ),
            images=tuple(
                part.image_url for part in item.content if isinstance(part, InputImagePart)
            ),
        ),
    )


def _call(item_id: str, name: str, call_id: str, arguments: str) -> HistoryItem:
    return HistoryItem(
        item_id, ItemRole.FUNCTION_CALL, name=name, call_id=call_id, arguments=arguments
    )


def _output(item_id: str, call_id: str, text: str) -> HistoryItem:
    return HistoryItem(item_id, ItemRole.FUNCTION_OUTPUT, text=text, call_id=call_id)
