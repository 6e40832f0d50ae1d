"""Where a client may put its key: the Authorization header, or a browser's subprotocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_KEY_PROTOCOL: Final = "openai-insecure-api-key."
_BETA_PROTOCOL: Final = "openai-beta.realtime-v1"
_OWN_PROTOCOL: Final = "realtime"


def bearer_key(authorization: str | None, subprotocols: Iterable[str] = ()) -> str | None:
    """The key, or None when there is none in either place."""
    if authorization:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and key.strip():
            return key.strip()
    for protocol in subprotocols:
        if protocol.startswith(_KEY_PROTOCOL):
            return protocol.removeprefix(_KEY_PROTOCOL) or None
    return None


def chosen_subprotocol(subprotocols: Iterable[str]) -> str | None:
    """Browsers refuse a connection whose server picks none of what they offered."""
    return _OWN_PROTOCOL if _OWN_PROTOCOL in subprotocols else None


def asks_for_beta(openai_beta: str | None, subprotocols: Iterable[str]) -> bool:
    wanted = {token.strip().lower() for token in (openai_beta or "").split(",")}
    return "realtime=v1" in wanted or _BETA_PROTOCOL in subprotocols
