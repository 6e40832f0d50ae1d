"""The installation's own secret: what cookies and webhook signatures are derived from."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from trunkline.domain.errors import ConfigError

_BYTES: Final = 32
_NAME: Final = "secret.key"


def installation_secret(data_dir: Path) -> bytes:
    """32 bytes kept in ``data_dir`` (0600), made at first use; one of several racers wins."""
    path = data_dir / _NAME
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{_NAME}.{secrets.token_hex(6)}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode())
        # Linked, not renamed: whoever comes second must not replace the first one's secret.
        os.link(mine, path)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except (ValueError, UnicodeDecodeError):
        secret = b""
    if len(secret) != _BYTES:
        raise ConfigError(f"{path.name} in the data directory is damaged: restore it, or remove it")
    return secret


def derive_secret(secret: bytes, purpose: str) -> str:
    """A key of its own for each purpose (``session-cookie``, ``webhook:wh_…``), in hex."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).hexdigest()
