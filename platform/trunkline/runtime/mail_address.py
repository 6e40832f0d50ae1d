"""E-mail addresses that people typed."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from typing import Final

MAX_CHARS: Final = 254  # RFC 5321, 4.5.3.1.3, without the brackets


def mail_address(text: str, name: str = "") -> Address | None:
    """None for what is no address that a server could be asked to send to."""
    if not text.isascii() or not text.isprintable() or len(text) > MAX_CHARS:
        return None
    try:
        address = Address(display_name=name, addr_spec=text)
    except (MessageError, ValueError, IndexError):  # the library's parser of an empty text
        return None
    return address if address.username and address.domain else None
