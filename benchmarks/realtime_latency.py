"""What the model server itself adds: event in to event out, and deltas at their time, under load.

``python -m benchmarks.realtime_latency [--seconds S]``. The scripted engine answers at once, so all
of the time is the server's, its sockets' and this client's. The server runs on one core alone and
the client on the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, Final

import orjson
import uvloop
from tests.peers.drivers.installation import free_ports

from benchmarks.edge_cpu import cpu_seconds, rss_mb
from benchmarks.realtime_client import BareSession, bare_session, stream_audio

KEY: Final = "sk-bench"
PCMU: Final = {"type": "audio/pcmu"}
AUDIO: Final = {"input": {"format": PCMU}, "output": {"format": PCMU}}
EVENT_EVERY_S: Final = 0.2
_WORDS_MS: Final = 250
_REPLY_WORDS: Final = 80  # 20 s of speech
# pacing.py: two seconds ahead of playback, then at twice real time.
_LEAD_MS: Final = 2000.0
_SPEED: Final = 2.0


@contextmanager
def scripted_server(reply_words: int = _REPLY_WORDS) -> Iterator[tuple[int, int]]:
    """Port and process id of a model server on the first core that we may use."""
    cores = sorted(os.sched_getaffinity(0))
    port = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        script = Path(folder) / "script.json"
        reply = {"text": " ".join(["word"] * reply_words)}
        speech = {"ms_per_word": _WORDS_MS}
        short = {"match": "^short$", "text": "Yes."}
        script.write_text(json.dumps({"replies": [short, reply], "speech": speech}))
        settings = {
            "MODEL_PORT": str(port),
            "ENGINE": f"scripted:{script}",
            "API_KEY": KEY,
            "DATA_DIR": folder,
            "MAX_CALLS": "200",
            "LOG_LEVEL": "warning",
        }
        process = subprocess.Popen(
            ["taskset", "-c", str(cores[0]), sys.executable, "-m", "trunkline.cli", "model"],
            env={**os.environ, **{f"TRUNKLINE_{key}": value for key, value in settings.items()}},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _until_ready(port)
            os.sched_setaffinity(0, cores[1:] or cores)
            yield port, process.pid
        finally:
            os.sched_setaffinity(0, cores)
            process.terminate()
            process.wait(30)


def _until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


# ---- event in to event out ---------------------------------------------------------------------


class _Asker:
    """One event at a time, each timed to its answer, in the order a conversation has them."""

    def __init__(self, session: BareSession) -> None:
        self._session = session
        self._answer: asyncio.Future[float] | None = None
        self._wanted = ""
        session.on_event = self._came
        self.taken_s: list[float] = []
        self._number = 0

    def _came(self, kind: str, came: float, _frame: bytes) -> None:
        if kind == self._wanted and self._answer is not None and not self._answer.done():
            self._answer.set_result(came)

    async def ask(self, answer: str, **event: Any) -> None:
        self._answer, self._wanted = asyncio.get_running_loop().create_future(), answer
        sent = self._session.send(**event)
        async with asyncio.timeout(20):
            came = await self._answer
        self.taken_s.append(came - sent)

    async def round(self) -> None:
        self._number += 1
        item_id = f"item_{self._number}"
        content = [{"type": "input_text", "text": "short"}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        asked = (
            ("session.updated", {"type": "session.update", "session": {"type": "realtime"}}),
            ("conversation.item.done", {"type": "conversation.item.create", "item": item}),
            (
                "conversation.item.retrieved",
                {"type": "conversation.item.retrieve", "item_id": item_id},
            ),
            ("response.output_text.delta", {"type": "response.create"}),
            ("conversation.item.deleted", {"type": "conversation.item.delete", "item_id": item_id}),
        )
        for answer, event in asked:
            await self.ask(answer, **event)
            await asyncio.sleep(EVENT_EVERY_S)


async def event_latency(port: int, sessions: int, seconds: float) -> list[float]:
    """Seconds from event to answer; every session also streams 20 ms frames of audio."""
    async with AsyncExitStack() as stack:
        askers = []
        for _ in range(sessions):
            options = {"output_modalities": ["text"], "audio": AUDIO}
            session = await stack.enter_async_context(bare_session(port, KEY, **options))
            askers.append((session, _Asker(session)))

        async def one(place: int, session: BareSession, asker: _Asker) -> None:
            await asyncio.sleep(place / sessions * EVENT_EVERY_S)
            until = perf_counter() + seconds
            while perf_counter() < until:
                await asker.round()

        async with asyncio.TaskGroup() as tasks:
            for place, (session, asker) in enumerate(askers):
                offset = place / sessions * 0.02
                tasks.create_task(stream_audio(session, seconds, offset))
                tasks.create_task(one(place, session, asker))
        return [taken for _, asker in askers for taken in asker.taken_s]


# ---- deltas at their time ----------------------------------------------------------------------


class _Listener:
    """Answer after answer; how late each delta came after the moment at which it may leave."""

    def __init__(self, session: BareSession) -> None:
        self._session = session
        session.on_event = self._came
        self._asked = self._sent_ms = 0.0
        self.late_s: list[float] = []
        self.first_s: list[float] = []
        self.is_over = asyncio.Event()
        self.goes_on = True

    def ask(self) -> None:
        self._sent_ms = 0.0
        self._asked = self._session.send(type="response.create")

    def _came(self, kind: str, came: float, frame: bytes) -> None:
        if kind == "response.output_audio.delta":
            if not self._sent_ms:
                self.first_s.append(came - self._asked)
            self._sent_ms += len(orjson.loads(frame)["delta"]) * 3 // 4 / 8
            due_s = max(self._sent_ms - _LEAD_MS, 0.0) / (1000 * _SPEED)
            self.late_s.append(came - self._asked - due_s)
        elif kind == "response.done":
            if self.goes_on:
                self.ask()
            else:
                self.is_over.set()


async def audio_sessions(
    port: int, sessions: int, seconds: float
) -> tuple[list[float], list[float]]:
    """How late deltas were, and answers' first deltas after ``response.create``, in seconds."""
    async with AsyncExitStack() as stack:
        listeners = []
        for _ in range(sessions):
            session = await stack.enter_async_context(bare_session(port, KEY, audio=AUDIO))
            listeners.append((session, _Listener(session)))

        async def one(place: int, session: BareSession, listener: _Listener) -> None:
            await asyncio.sleep(place / sessions * 5)
            listener.ask()
            await stream_audio(session, seconds)
            listener.goes_on = False
            session.send(type="response.cancel")
            async with asyncio.timeout(30):
                await listener.is_over.wait()

        async with asyncio.TaskGroup() as tasks:
            for place, (session, listener) in enumerate(listeners):
                tasks.create_task(one(place, session, listener))
        late = [late for _, listener in listeners for late in listener.late_s]
        return late, [first for _, listener in listeners for first in listener.first_s]


# ---- the table ---------------------------------------------------------------------------------


def figures(seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=100, method="inclusive")
    shown = (cuts[49], cuts[94], cuts[98], max(seconds))
    return " / ".join(f"{1000 * value:.1f}" for value in shown) + " ms"


async def measure(seconds: float, counts: Sequence[int], audio_count: int) -> list[tuple[str, str]]:
    rows = []
    what = "p50 / p95 / p99 / max"
    with scripted_server() as (port, pid):
        for count in counts:
            taken = await event_latency(port, count, seconds)
            label = f"event in → event out, {count} sessions ({len(taken)} events), {what}"
            rows.append((label, figures(taken)))
        worked, began = cpu_seconds(pid), perf_counter()
        late, first = await audio_sessions(port, audio_count, seconds)
        used = (cpu_seconds(pid) - worked) / (perf_counter() - began)
        label = f"{audio_count} audio sessions on one core"
        rows += [
            (f"{label}: a delta after its time ({len(late)} deltas), {what}", figures(late)),
            (f"{label}: response.create → first delta, {what}", figures(first)),
            (f"{label}: the server's processor and memory", _load(used, rss_mb(pid))),
        ]
    return rows


def _load(used: float, memory_mb: float) -> str:
    return f"{used * 100:.0f} % of the core, {memory_mb:.0f} MB"


def rows(
    seconds: float = 30.0, counts: Sequence[int] = (1, 50), audio_count: int = 100
) -> list[tuple[str, str]]:
    return uvloop.run(measure(seconds, counts, audio_count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 50])
    parser.add_argument("--audio-sessions", type=int, default=100)
    options = parser.parse_args()
    for one, measured in rows(options.seconds, options.sessions, options.audio_sessions):
        print(f"{one}: {measured}")
