"""Lines that the flow may say next, rendered while the caller still speaks.

They hold this caller's values, so they are kept for this call alone, and only until something is
said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from trunkline.calls.speech_cache import RenderedLine, SpeechCache
from trunkline.calls.speech_source import SpokenLine
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError


class LinesAhead:
    """One call's; one line is rendered at a time."""

    def __init__(
        self,
        cache: SpeechCache,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
    ) -> None:
        self._cache = cache
        self._spawn = spawn
        self._rendered: dict[SpokenLine, RenderedLine] = {}
        self._task: asyncio.Task[None] | None = None

    def prepare(self, lines: Sequence[SpokenLine]) -> None:
        """In this order; what was prepared before and is still wanted stays."""
        self._stop()
        self._rendered = {line: self._rendered[line] for line in lines if line in self._rendered}
        missing = [line for line in lines if line not in self._rendered]
        if missing:
            self._task = self._spawn(self._render(missing), "lines-ahead")

    def take(self, line: SpokenLine) -> RenderedLine | None:
        """The line, if it is there; whatever else was prepared is not what is being said."""
        found = self._rendered.get(line)
        self._stop()
        self._rendered.clear()
        return found

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _render(self, lines: Sequence[SpokenLine]) -> None:
        for line in lines:
            pcm, marks, is_spare = bytearray(), list[WordMark](), False
            try:
                async for piece in self._cache.stream(line, keep=False):
                    pcm += piece.pcm
                    marks += piece.marks
                    is_spare = is_spare or piece.is_spare
            except EngineError:
                return  # it is rendered, or fails, when it is said
            if pcm and not is_spare:
                self._rendered[line] = RenderedLine(bytes(pcm), tuple(marks), line.sample_rate_hz)
