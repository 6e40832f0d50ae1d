"""Text to speech on flite: early first audio, exact word times, cancellable at every chunk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError
from trunkline.model.cascade.flite import SAMPLE_RATE_HZ, FliteLibrary, FliteVoice, TokenTime
from trunkline.model.cascade.normalise import SpokenToken, speakable
from trunkline.model.cascade.sentences import Chunk, split_text
from trunkline.model.cascade.sonic import change_speed
from trunkline.model.cascade.voices import BASE_VOICES, Voice, check_speed, find_voice
from trunkline.model.engine import SpeechDelta

_CHUNK_MS = 100  # downlink deltas of 100 ms or more
_LEAD_MS = 30  # kept before the first word
_TAIL_MS = 60  # kept after the last word of a chunk, its decay
_EMPTY_MS = 200  # an empty text is a short silence
_UNSPOKEN_MS = 40
_MIN_STRETCH, _MAX_STRETCH = 0.5, 2.0  # beyond this flite's frames run out; libsonic does the rest


@dataclass(frozen=True, slots=True)
class _Piece:
    """Raw audio of one chunk as flite gave it; the first piece also brings the word table."""

    pcm: bytes
    tokens: tuple[TokenTime, ...] | None = None


class FliteSynthesiser:
    """SpeechSynthesis over the four recorded voices.

    Each voice is owned by one thread, because flite's reference counts are not atomic; texts for a
    voice queue behind each other chunk by chunk, at about 0.012 of real time.
    """

    def __init__(self) -> None:
        self._library = FliteLibrary()
        self._voices: dict[str, FliteVoice] = {
            base: self._library.load_voice(base) for base in BASE_VOICES
        }
        self._threads = {
            base: ThreadPoolExecutor(1, thread_name_prefix=f"flite-{base}") for base in BASE_VOICES
        }

    @property
    def output_rate_hz(self) -> int:
        return SAMPLE_RATE_HZ

    async def warm_up(self) -> None:
        """Touch every voice once, so that the first caller does not pay for page faults."""
        for name in ("alloy", "ash", "ballad", "sage"):
            async for _ in self.synthesise("ready", voice=name, speed=1.0):
                pass

    async def synthesise(
        self, text: str, *, voice: str, speed: float
    ) -> AsyncGenerator[SpeechDelta]:
        """Deltas whose texts join to ``text``; words are timed from the start of the audio.

        Closing the iterator stops the voice within one chunk. Raises Invalid for an unknown voice
        or speed, EngineError when flite fails.
        """
        chosen = find_voice(voice)
        check_speed(speed)
        tokens = speakable(text)
        offset_samples = 0
        is_silent = True
        for chunk in split_text(text):
            inside = [token for token in tokens if chunk.start <= token.start < chunk.end]
            track = _Track(text, chunk, inside, offset_samples, speed)
            async with aclosing(self._speak_chunk(chosen, speed, track)) as deltas:
                async for delta in deltas:
                    is_silent = False
                    yield delta
            offset_samples = track.end_samples
        if is_silent:
            yield SpeechDelta(_silence(_EMPTY_MS), text=text)

    async def _speak_chunk(
        self, voice: Voice, speed: float, track: _Track
    ) -> AsyncGenerator[SpeechDelta]:
        if not track.spoken_text:
            yield track.unspoken_delta()
            return
        stretch = min(_MAX_STRETCH, max(_MIN_STRETCH, 1.0 / speed))
        rest = speed * stretch  # what libsonic still has to do
        track.begin(rest)
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        # Bounded by the chunk: at most 400 characters, some 80 pieces of 100 ms.
        pieces: asyncio.Queue[_Piece | None | Exception] = asyncio.Queue()
        running = loop.run_in_executor(
            self._threads[voice.base],
            self._run_voice, voice, track.spoken_text, stretch, stop, loop, pieces,
        )  # fmt: skip
        try:
            is_native = abs(rest - 1.0) < 1e-3
            held = bytearray()
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise EngineError("the synthesiser failed on a text") from piece
                if piece.tokens is not None:
                    track.set_times(piece.tokens)
                pcm = track.trim(piece.pcm)
                if is_native:
                    if pcm:
                        yield track.delta(_amplify(pcm, voice.gain))
                else:
                    held += pcm
            if not is_native:
                # A whole chunk at once: only then is the true ratio known, and the times with it.
                fast = change_speed(bytes(held), rest, SAMPLE_RATE_HZ)
                track.rescale(len(held) // 2, len(fast) // 2)
                for start in range(0, len(fast), _CHUNK_BYTES):
                    yield track.delta(_amplify(fast[start : start + _CHUNK_BYTES], voice.gain))
            last = track.last_delta()
            if last.pcm or last.text:
                yield last
        finally:
            stop.set()
            # The thread is told to stop and is not waited for: the next text of this voice is.
            running.add_done_callback(_forget)

    def _run_voice(
        self,
        voice: Voice,
        text: str,
        stretch: float,
        stop: threading.Event,
        loop: asyncio.AbstractEventLoop,
        pieces: asyncio.Queue[_Piece | None | Exception],
    ) -> None:
        """In the voice's own thread."""
        if stop.is_set():
            return
        waiting: list[tuple[TokenTime, ...]] = []

        def hear_samples(pcm: bytes) -> bool:
            tokens = waiting.pop() if waiting else None
            loop.call_soon_threadsafe(pieces.put_nowait, _Piece(pcm, tokens))
            return not stop.is_set()

        try:
            self._voices[voice.base].synthesise(
                text,
                stretch=stretch,
                f0_shift=voice.f0_shift,
                chunk_samples=_CHUNK_BYTES // 2,
                on_tokens=waiting.append,
                on_samples=hear_samples,
            )
            outcome: Exception | None = None
        except Exception as exc:  # whatever flite does belongs to the waiting reader
            outcome = exc
        if not stop.is_set():
            loop.call_soon_threadsafe(pieces.put_nowait, outcome)

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads end; texts not begun are dropped."""
        for thread in self._threads.values():
            thread.shutdown(wait=False, cancel_futures=True)


_CHUNK_BYTES = SAMPLE_RATE_HZ * _CHUNK_MS // 1000 * 2


def _forget(future: asyncio.Future[None]) -> None:
    """Collects the result, so that a cancelled text leaves no warning behind."""
    if not future.cancelled():
        future.exception()


class _Track:
    """Where the words of one chunk lie, and how much of its audio has been handed out."""

    def __init__(
        self,
        text: str,
        chunk: Chunk,
        tokens: Sequence[SpokenToken],
        offset_samples: int,
        speed: float,
    ) -> None:
        self._text = text[chunk.start : chunk.end]
        self._chunk = chunk
        self._tokens = tokens
        self._offset = offset_samples  # where the chunk begins in the item's audio
        self._pause_ms = chunk.ends_with.pause_ms / speed
        self._given = 0
        self._marks: list[WordMark] = []
        self._starts: list[int] = []  # offset of each mark's display text in ``_text``
        self._next_mark = 0
        self._text_given = 0
        self._raw_seen = 0
        self._cut_from = 0
        self._cut_to = 0
        self._ratio = 1.0
        self.end_samples = offset_samples

    @property
    def spoken_text(self) -> str:
        return " ".join(word for token in self._tokens for word in token.words)

    def begin(self, rest: float) -> None:
        self._ratio = 1.0 / rest

    def unspoken_delta(self) -> SpeechDelta:
        """Nothing of it can be said ("..."): its text over a blink of silence."""
        self._place([TokenTime("", 0.0, 0.0)])
        self._pause_ms = _UNSPOKEN_MS
        return self.last_delta()

    def set_times(self, times: Sequence[TokenTime]) -> None:
        """flite's table, in raw seconds: cut the silence round it and remember each token."""
        first, last = times[0].start_s, times[-1].end_s
        self._cut_from = max(0, int((first - _LEAD_MS / 1000) * SAMPLE_RATE_HZ))
        self._cut_to = int((last + _TAIL_MS / 1000) * SAMPLE_RATE_HZ)
        self._place(times)

    def _place(self, times: Sequence[TokenTime]) -> None:
        wanted = sum(len(token.words) for token in self._tokens)
        exact = wanted in (len(times), 0)
        first, last = times[0].start_s, times[-1].end_s
        index, at = 0, first
        for token in self._tokens:
            count = len(token.words)
            if exact and count:
                start, end = times[index].start_s, times[index + count - 1].end_s
            else:
                # flite split a word as we did not expect: spread the words evenly instead.
                start = at if exact else first + (last - first) * index / wanted
                end = start if exact else first + (last - first) * (index + count) / wanted
            index += count
            at = end
            self._marks.append(WordMark(token.display, self._ms(start), self._ms(end), not exact))
            self._starts.append(token.start - self._chunk.start)

    def _ms(self, raw_s: float) -> int:
        inside = (raw_s * SAMPLE_RATE_HZ - self._cut_from) * self._ratio
        return round((self._offset + inside) * 1000 / SAMPLE_RATE_HZ)

    def rescale(self, raw_samples: int, real_samples: int) -> None:
        """libsonic gave ``real_samples``: correct the times from the nominal ratio to the true."""
        if not raw_samples:
            return
        correction = real_samples / (raw_samples * self._ratio)
        base = self._offset * 1000 / SAMPLE_RATE_HZ
        self._marks = [
            WordMark(
                mark.text,
                round(base + (mark.start_ms - base) * correction),
                round(base + (mark.end_ms - base) * correction),
                mark.is_estimated,
            )
            for mark in self._marks
        ]

    def trim(self, pcm: bytes) -> bytes:
        """The part of the next raw samples that lies between the cuts."""
        count = len(pcm) // 2
        low = max(0, self._cut_from - self._raw_seen)
        high = min(count, self._cut_to - self._raw_seen)
        self._raw_seen += count
        return pcm[low * 2 : high * 2] if low < high else b""

    def delta(self, pcm: bytes) -> SpeechDelta:
        """The audio with the words, and the text, that begin in it."""
        self._given += len(pcm) // 2
        until_ms = (self._offset + self._given) * 1000 / SAMPLE_RATE_HZ
        taken = self._next_mark
        while taken < len(self._marks) and self._marks[taken].start_ms < until_ms:
            taken += 1
        return self._deliver(pcm, taken)

    def last_delta(self) -> SpeechDelta:
        """The pause after the chunk, with whatever text is still owed."""
        pause = _silence(self._pause_ms)
        self._given += len(pause) // 2
        self.end_samples = self._offset + self._given
        return self._deliver(pause, len(self._marks))

    def _deliver(self, pcm: bytes, taken: int) -> SpeechDelta:
        words = tuple(self._marks[self._next_mark : taken])
        text_end = self._starts[taken] if taken < len(self._marks) else len(self._text)
        text = self._text[self._text_given : text_end] if taken > self._next_mark else ""
        if taken > self._next_mark:
            self._text_given = text_end
        self._next_mark = taken
        return SpeechDelta(pcm, text, words)


def _silence(duration_ms: float) -> bytes:
    return b"\0\0" * int(SAMPLE_RATE_HZ * duration_ms / 1000)


def _amplify(pcm: bytes, gain: float) -> bytes:
    samples = np.frombuffer(pcm, np.int16).astype(np.float32) * gain
    return np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()
