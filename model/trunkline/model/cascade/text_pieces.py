"""Text that is still being written, cut into pieces worth voicing: pure."""

from __future__ import annotations

from trunkline.model.cascade.sentences import Break, split_text


class TextPieces:
    """``feed`` deltas; what comes back joins to what was fed. A piece is spoken as one."""

    def __init__(self) -> None:
        self._held = ""
        self._is_first = True

    def feed(self, delta: str) -> list[tuple[str, Break]]:
        """Pieces that are complete now, and how each ends."""
        self._held += delta
        chunks = list(split_text(self._held))
        ready: list[tuple[str, Break]] = []
        # The last chunk may go on with the next delta.
        for chunk in chunks[:-1]:
            is_short = not self._is_first and chunk.ends_with is not Break.SENTENCE
            if is_short and chunk.end - chunk.start < _WORTH_A_BREATH:
                break
            ready.append((self._held[chunk.start : chunk.end], chunk.ends_with))
            self._is_first = False
        self._held = self._held[sum(len(piece) for piece, _ in ready) :]
        return ready

    def rest(self) -> str:
        rest, self._held = self._held, ""
        return rest


# After the first, a clause is no gain: each piece is a request of its own at a hosted voice.
_WORTH_A_BREATH = 120
