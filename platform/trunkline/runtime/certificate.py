"""A server's TLS certificate in PEM files, which may be renewed under it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from trunkline.domain.errors import ConfigError, TrunklineError
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate chain and its key in PEM files, and the context that shows them.

    Raises ConfigError, which names the files, when they cannot be used.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._seen = self._stamp()
        self._try(self.context)

    def renew(self) -> bool:
        """Show what the files hold now, in handshakes from now on; False when nothing changed.

        Raises ConfigError when the files do not fit together (one of the two is written before the
        other); the old certificate stays in force.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._try(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._try(self.context)
        self._seen = stamp
        return True

    @property
    def files(self) -> tuple[Path, Path]:
        """The chain and its key."""
        return self._certificate, self._key

    def _try(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except (OSError, ValueError) as exc:  # SSLError is an OSError
            raise ConfigError(
                f"TLS cannot be served with {self._certificate} and {self._key}: {exc}"
            ) from None

    def _stamp(self) -> _Stamp:
        try:
            found = [path.stat() for path in (self._certificate, self._key)]
        except OSError as exc:
            raise ConfigError(f"TLS cannot be served: {exc}") from None
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


async def keep_renewing(
    certificate: Certificate, on_renewal: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Look at the files every two seconds, for as long as the server runs.

    ``on_renewal`` follows each renewal.
    """
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            if certificate.renew():
                if on_renewal is not None:
                    await on_renewal()
                log.info("the TLS certificate was renewed")
        except TrunklineError as exc:
            log.error("the renewed TLS certificate cannot be used", problem=exc.message)


def _no_password() -> str:
    raise ValueError("the key is encrypted; store it without a password")
