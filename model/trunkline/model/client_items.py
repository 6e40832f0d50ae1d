"""What a client may put into a conversation, checked by itself; conversation.py checks it against
what is there already. Pure; ProtocolError names the field."""

from __future__ import annotations

from typing import Final

import pybase64

from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.realtime.items import (
    MAX_CLIENT_ID_CHARS,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputImagePart,
    InputTextPart,
    Item,
    MessageItem,
    OpaqueItem,
    OutputTextPart,
)

_ROLE_PARTS: Final = {
    "user": (InputTextPart, InputAudioPart, InputImagePart),
    "system": (InputTextPart,),
    "assistant": (OutputTextPart,),
}
# What a data URL of an image begins with, and what the image itself does.
_IMAGES: Final = {
    "data:image/png;base64,": b"\x89PNG\r\n\x1a\n",
    "data:image/jpeg;base64,": b"\xff\xd8\xff",
}


def checked_item(item: Item, *, sees_images: bool) -> Item:
    """The item as it will stand: with an id and, where its kind has one, a status."""
    if isinstance(item, OpaqueItem):
        raise ProtocolError(
            f"Invalid value: items of type '{item.type[:64]}' are not supported.",
            code="invalid_value",
            param="item.type",
        )
    item_id = item.id or mint("item")
    if len(item_id) > MAX_CLIENT_ID_CHARS:
        raise ProtocolError(
            f"An item id has at most {MAX_CLIENT_ID_CHARS} characters.",
            code="string_above_max_length",
            param="item.id",
        )
    update: dict[str, object] = {"id": item_id}
    if isinstance(item, MessageItem | FunctionCallItem | FunctionCallOutputItem):
        update |= {"object": "realtime.item", "status": "completed"}
    if isinstance(item, MessageItem):
        _check_parts(item, sees_images)
    elif isinstance(item, FunctionCallItem):
        update["call_id"] = item.call_id or mint("call")
    return item.model_copy(update=update)


def taken_audio(item: Item) -> tuple[Item, bytes]:
    """A user message as it stands in the conversation, without its audio, and that audio: the
    payload in the session's input format, empty when there is none or its transcript came along.
    """
    if not isinstance(item, MessageItem) or item.role != "user":
        return item, b""
    content, payloads = [], []
    for index, part in enumerate(item.content):
        if isinstance(part, InputAudioPart) and part.audio is not None:
            if not part.transcript:
                payloads.append(_payload(part.audio, f"item.content.{index}.audio"))
            part = part.model_copy(update={"audio": None})
        content.append(part)
    if len(payloads) > 1:
        raise ProtocolError(
            "A message holds at most one 'input_audio' without its transcript.",
            code="invalid_value",
            param="item.content",
        )
    bare = item.model_copy(update={"content": tuple(content)})
    return bare, payloads[0] if payloads else b""


def _payload(audio: str, param: str) -> bytes:
    try:
        payload = pybase64.b64decode(audio, validate=True)
    except ValueError:
        payload = b""
    if not payload:
        raise ProtocolError(
            f"Invalid value for '{param}': not audio in base64.", code="invalid_value", param=param
        )
    return payload


def _check_parts(item: MessageItem, sees_images: bool) -> None:
    allowed: tuple[type, ...] = _ROLE_PARTS[item.role]
    for index, part in enumerate(item.content):
        if isinstance(part, InputImagePart) and not sees_images:
            raise ProtocolError(
                "Invalid value: the model of this session cannot see images.",
                code="unsupported_content_type",
                param=f"item.content.{index}.type",
            )
        if isinstance(part, InputImagePart):
            _check_image(part.image_url, f"item.content.{index}.image_url")
        if not isinstance(part, allowed):
            raise ProtocolError(
                f"Invalid value: a {item.role} message cannot hold '{part.type}'.",
                code="invalid_value",
                param=f"item.content.{index}.type",
            )
    if not item.content:
        raise ProtocolError(
            "A message needs at least one content part.",
            code="missing_required_parameter",
            param="item.content",
        )


def _check_image(url: str, param: str) -> None:
    for head, magic in _IMAGES.items():
        if not url.startswith(head):
            continue
        try:
            image = pybase64.b64decode(url[len(head) :], validate=True)
        except ValueError:
            image = b""
        if image.startswith(magic):
            return
    raise ProtocolError(
        "Invalid value: 'image_url' must be a data URL with a PNG or JPEG image in base64.",
        code="invalid_value",
        param=param,
    )
