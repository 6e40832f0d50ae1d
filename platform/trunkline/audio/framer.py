"""Cuts a byte stream into whole pieces and keeps the rest."""

from __future__ import annotations


class Framer:
    """Feed it any split of bytes; take pieces of a fixed size. ``Framer(2)`` mends half samples."""

    def __init__(self, piece_bytes: int) -> None:
        if piece_bytes < 1:
            raise ValueError("a piece has at least one byte")
        self._size = piece_bytes
        self._rest = b""

    def feed(self, payload: bytes) -> list[bytes]:
        """Every whole piece that is complete now, in order."""
        whole = self.feed_whole(payload)
        return [whole[at : at + self._size] for at in range(0, len(whole), self._size)]

    def feed_whole(self, payload: bytes) -> bytes:
        """The same pieces as one string; its length is a multiple of the piece."""
        joined = self._rest + payload if self._rest else payload
        end = len(joined) - len(joined) % self._size
        self._rest = joined[end:]
        return joined[:end]

    def drain(self) -> bytes:
        """What is left over, at the end of the stream."""
        rest, self._rest = self._rest, b""
        return rest
