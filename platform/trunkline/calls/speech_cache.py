"""Rendered lines by content: fixed ones on disk and in memory, so that a call need not wait.

The address is the hash of everything that decides how a line sounds; a changed text, voice, speed
or engine is another line. One file a line: a JSON header with the word marks, a newline, PCM16.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from trunkline.calls.speech_source import SpeechPiece, SpeechSource, SpokenLine
from trunkline.domain.audio import SAMPLE_WIDTH_BYTES, WordMark
from trunkline.domain.errors import EngineError
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_FORMAT: Final = 1  # part of the address: a new file format is a new line
_MEMORY_BYTES: Final = 64 * 1024 * 1024
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class RenderedLine:
    pcm: bytes
    marks: tuple[WordMark, ...]
    sample_rate_hz: int

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) // SAMPLE_WIDTH_BYTES * 1000 // self.sample_rate_hz


def address(line: SpokenLine) -> str:
    """The SHA-256 of the line, in hexadecimal."""
    document = {"format": _FORMAT, **asdict(line)}
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


class SpeechCache:
    """Fixed lines are kept; lines made for one caller pass through and are kept nowhere."""

    def __init__(
        self, directory: Path, source: SpeechSource, *, memory_bytes: int = _MEMORY_BYTES
    ) -> None:
        self._directory = directory
        self._source = source
        self._memory: OrderedDict[str, RenderedLine] = OrderedDict()
        self._memory_bytes = memory_bytes
        self._used_bytes = 0

    def at_hand(self, line: SpokenLine) -> RenderedLine | None:
        """The line if it is in memory: no waiting, no disk."""
        name = address(line)
        found = self._memory.get(name)
        if found is not None:
            self._memory.move_to_end(name)
        return found

    async def find(self, line: SpokenLine) -> RenderedLine | None:
        """The line from memory or disk; None when it was never rendered."""
        found = self.at_hand(line)
        if found is None:
            found = await asyncio.to_thread(self._read, address(line))
            if found is not None:
                self._remember(address(line), found)
        return found

    async def stream(self, line: SpokenLine, *, keep: bool) -> AsyncIterator[SpeechPiece]:
        """The line in pieces: whole when it is known, as it is synthesised otherwise.

        ``keep``: the text is fixed, so the rendering is stored when it is complete, unless another
        voice had to stand in.
        """
        found = await self.find(line) if keep else None
        if found is not None:
            yield SpeechPiece(found.pcm, found.marks)
            return
        pcm = bytearray()
        marks: list[WordMark] = []
        async for piece in self._source.speak(line):
            keep = keep and not piece.is_spare
            if keep:
                pcm += piece.pcm
                marks += piece.marks
            yield piece
        if keep and pcm:
            await self._store(line, RenderedLine(bytes(pcm), tuple(marks), line.sample_rate_hz))

    async def prefetch(self, lines: Iterable[SpokenLine]) -> int:
        """Render what is missing, two at a time; returns how many could not be had."""
        waiting = list(dict.fromkeys(lines))
        # Edges beside each other begin elsewhere each, and find on disk what another has rendered.
        random.shuffle(waiting)
        failed = 0

        async def render() -> None:
            nonlocal failed
            while waiting:
                line = waiting.pop()
                try:
                    async for _ in self.stream(line, keep=True):
                        pass
                except EngineError as exc:
                    failed += 1
                    log.debug("a line could not be rendered ahead", code=exc.code)

        async with asyncio.TaskGroup() as tasks:
            for number in range(_AT_ONCE):
                tasks.create_task(render(), name=f"render-{number}")
        return failed

    # ---- memory and disk -----------------------------------------------------------------------

    def _remember(self, name: str, line: RenderedLine) -> None:
        if name in self._memory:
            return
        self._memory[name] = line
        self._used_bytes += len(line.pcm)
        while self._used_bytes > self._memory_bytes and len(self._memory) > 1:
            _, oldest = self._memory.popitem(last=False)
            self._used_bytes -= len(oldest.pcm)

    async def _store(self, line: SpokenLine, rendered: RenderedLine) -> None:
        name = address(line)
        self._remember(name, rendered)
        await asyncio.to_thread(self._write, name, rendered)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.speech"

    def _read(self, name: str) -> RenderedLine | None:
        try:
            header, _, pcm = self._path(name).read_bytes().partition(b"\n")
            document = orjson.loads(header)
            if len(pcm) != document["bytes"]:
                return None  # cut short by a full disk: render it again
            marks = tuple(WordMark(text, start, end) for text, start, end in document["marks"])
            return RenderedLine(pcm, marks, int(document["sample_rate_hz"]))
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as exc:
            log.warning("a rendered line cannot be read", reason=type(exc).__name__)
            return None

    def _write(self, name: str, line: RenderedLine) -> None:
        path = self._path(name)
        header = {
            "bytes": len(line.pcm),
            "sample_rate_hz": line.sample_rate_hz,
            "marks": [[mark.text, mark.start_ms, mark.end_ms] for mark in line.marks],
        }
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(orjson.dumps(header) + b"\n" + line.pcm)
            part.replace(path)
        except OSError as exc:
            log.warning("a rendered line stays in memory only", reason=exc.strerror)
            part.unlink(missing_ok=True)
