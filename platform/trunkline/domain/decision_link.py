"""Links that decide one approval: what is signed, and what is refused without asking the database.

A token is ``lk_`` and base64url of an HMAC-SHA256 and the claims that it covers. It is bound to one
approval, one hash of its arguments, one person, a set of decisions and an end; that it counts once
is for the database to see to. Pure: keys and the time come in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from trunkline.domain.errors import Conflict, NotFound

PREFIX: Final = "lk_"
MAX_CHARS: Final = 1200
_DOMAIN: Final = b"trunkline.decision-link.v1\x00"
_MAC_BYTES: Final = hashlib.sha256().digest_size
_MS: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LinkDecision(StrEnum):
    GRANT = "grant"
    REFUSE = "refuse"


BOTH: Final = (LinkDecision.GRANT, LinkDecision.REFUSE)


@dataclass(frozen=True, slots=True)
class DecisionLink:
    """``expires_at``: to the millisecond; never after the approval's own end."""

    link_id: str
    approval_id: str
    user_id: str
    arguments_hash: str
    decisions: tuple[LinkDecision, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """``current`` signs; every generation in ``secrets`` is still believed."""

    current: int
    secrets: Mapping[int, bytes]


def write_token(link: DecisionLink, keys: LinkKeys) -> str:
    claims = [
        keys.current,
        link.link_id,
        link.approval_id,
        link.user_id,
        link.arguments_hash,
        [decision.value for decision in link.decisions],
        (link.expires_at - _EPOCH) // _MS,
    ]
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return PREFIX + _encode(_mac(keys.secrets[keys.current], payload) + payload)


def signed_link(token: str, keys: LinkKeys) -> DecisionLink:
    """The link that we signed, whatever the time. NotFound ``link_invalid`` for everything else,
    whatever is wrong with it."""
    link = _claims(token, keys)
    if link is None:
        raise NotFound("this link is not valid", code="link_invalid")
    return link


def check_time(link: DecisionLink, now: datetime) -> None:
    """Conflict ``link_expired`` once its time has passed."""
    if now >= link.expires_at:
        raise Conflict("the time to decide by this link has passed", code="link_expired")


def _claims(token: str, keys: LinkKeys) -> DecisionLink | None:
    if not token.startswith(PREFIX) or len(token) > MAX_CHARS or not token.isascii():
        return None
    text = token.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Base64 has bits to spare at its end: one link has one spelling.
    if _encode(raw) != text or len(raw) <= _MAC_BYTES:
        return None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    # Which key signed it stands in the claims, so every key believed is tried before they are read.
    signers = [
        generation
        for generation, secret in keys.secrets.items()
        if hmac.compare_digest(mac, _mac(secret, payload))
    ]
    if not signers:
        return None
    match json.loads(payload):
        case [int(signer), str(link_id), str(approval_id), str(user_id), str(seen), names, int(ms)]:
            if signer not in signers:
                return None
            decisions = tuple(LinkDecision(name) for name in names)
            ends = _EPOCH + ms * _MS
            return DecisionLink(link_id, approval_id, user_id, seen, decisions, ends)
    return None


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.new(secret, _DOMAIN + payload, hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
