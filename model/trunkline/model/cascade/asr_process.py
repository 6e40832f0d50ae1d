"""A recogniser process seen from the event loop: started, fed, watched, started again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from trunkline.domain.errors import EngineError
from trunkline.model.cascade.asr_wire import HEAD_BYTES, body_length, pack_audio, pack_json, unpack
from trunkline.model.cascade.ear_tuning import EarTuning
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery

log = get_logger(__name__)

_READY_S: Final = 30.0
_STOP_S: Final = 2.0
_RESTART_S: Final = (0.1, 0.5, 2.0, 5.0)
# What the process has not taken yet. All its turns share it: with ten callers talking at once a
# megabyte is three seconds, and a process that is so far behind is busy, not broken. Audio beyond
# it is refused, which costs one turn; commands, which let turns go, have more room.
_MAX_UNSENT_BYTES: Final = 1_000_000
_MAX_UNSENT_COMMANDS_BYTES: Final = 2_000_000
# Not a byte taken for so long while more than that waits: it hangs.
HANGS_AFTER_S: Final = 10.0

OnMessage = Callable[[Mapping[str, Any]], None]
OnLost = Callable[[], None]


class AsrProcess:
    """``on_message`` is called for every answer, ``on_lost`` whenever the process died."""

    def __init__(
        self,
        directory: Path,
        *,
        is_general: bool,
        on_message: OnMessage,
        on_lost: OnLost,
        tuning: EarTuning | None = None,
    ) -> None:
        self._tuning = tuning or EarTuning()
        self._directory = directory
        self._is_general = is_general
        self._on_message = on_message
        self._on_lost = on_lost
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._early = bytearray()  # sent while the process comes up
        self._is_closing = False
        self._is_ended = False
        self._unsent = 0  # when last looked at
        self._taken_s = 0.0  # when it was last seen to have become less
        self.restarts = 0

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, tasks: Nursery) -> None:
        tasks.start(self._keep_running(), "asr-general" if self._is_general else "asr")

    async def wait_ready(self) -> None:
        """Raises EngineError when the process does not come up."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise EngineError("the speech recogniser did not start", code="asr_start") from None

    def send(self, message: Mapping[str, Any]) -> bool:
        """False when the process is not there to take it."""
        return self._write(pack_json(dict(message)), _MAX_UNSENT_COMMANDS_BYTES)

    def send_audio(self, turn: int, pcm: bytes) -> bool:
        """False when the process is not there, or too far behind, to take it."""
        return self._write(pack_audio(turn, pcm), _MAX_UNSENT_BYTES)

    def _write(self, packed: bytes, most_unsent: int) -> bool:
        """What is sent while the process comes up waits for it, up to a bound."""
        process = self._process
        if self._is_closing:
            return False
        if process is None or process.stdin is None or not self._ready.is_set():
            if len(self._early) > most_unsent:
                return False
            self._early += packed
            return True
        transport = process.stdin.transport
        if transport.is_closing():
            return False
        unsent = transport.get_write_buffer_size()
        now_s = asyncio.get_running_loop().time()
        if unsent < self._unsent or unsent <= _MAX_UNSENT_BYTES:
            self._taken_s = now_s
        self._unsent = unsent
        if now_s - self._taken_s > HANGS_AFTER_S and not self._is_ended:
            log.error("recogniser process hangs; it is ended", pid=process.pid)
            self._is_ended = True
            process.kill()
        if unsent > most_unsent or self._is_ended:
            return False
        process.stdin.write(packed)
        return True

    async def close(self) -> None:
        """Ends the process: by closing its input, then by signal."""
        self._is_closing = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep_running(self) -> None:
        failures = 0
        while not self._is_closing:
            was_ready = await self._run_once()
            self._ready.clear()
            self._early.clear()
            if self._is_closing:
                return
            self._on_lost()
            self.restarts += 1
            failures = 0 if was_ready else failures + 1
            pause = _RESTART_S[min(failures, len(_RESTART_S) - 1)]
            log.warning("recogniser process ended; it is started again", after_s=pause)
            await asyncio.sleep(pause)

    async def _run_once(self) -> bool:
        """One life of the process; True when it had become ready."""
        general = ("--general",) if self._is_general else ()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "trunkline.model.cascade.asr_worker", str(self._directory),
            *general, *self._tuning.arguments(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._process = process
        self._is_ended = False
        assert process.stdout is not None  # it was asked for
        was_ready = False
        try:
            while True:
                head = await process.stdout.readexactly(HEAD_BYTES)
                message = unpack(head, await process.stdout.readexactly(body_length(head)))
                if message["type"] == "ready":
                    was_ready = True
                    self._ready.set()
                    early, self._early = bytes(self._early), bytearray()
                    if early:
                        self._write(early, _MAX_UNSENT_COMMANDS_BYTES)
                else:
                    self._on_message(message)
        except asyncio.IncompleteReadError:
            pass  # it closed its output: it is gone
        except ValueError:
            log.exception("recogniser process spoke nonsense", pid=process.pid)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        return was_ready
