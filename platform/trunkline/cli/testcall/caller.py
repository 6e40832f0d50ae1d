"""Place one call, hold the scripted conversation, and measure it from the caller's side."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from trunkline.cli.testcall.ears import Ears
from trunkline.cli.testcall.measure import (
    SPEECH_DBFS,
    AgentWatch,
    level_dbfs,
    stop_to_silence_ms,
)
from trunkline.cli.testcall.mouth import Phrase
from trunkline.cli.testcall.report import CallReport, StepReport
from trunkline.cli.testcall.script import Step, StepKind
from trunkline.domain.audio import PTIME_MS
from trunkline.domain.call import EndCause
from trunkline.domain.leg import Leg, LegEnded, LegMediaStarted
from trunkline.runtime.supervision import until_first_done

TALK_DEADLINE_S = 20.0
LAST_WORDS_S = 12.0


class TestCaller:
    """One call's worth of state; ``run`` returns when the call is over."""

    def __init__(
        self,
        leg: Leg,
        steps: Sequence[Step],
        phrases: Sequence[Phrase | None],
        ears: Ears,
        report: CallReport,
        placed_at: float,
    ) -> None:
        self._leg = leg
        self._steps = steps
        self._phrases = phrases
        self._ears = ears
        self._report = report
        self._watch = AgentWatch()
        self._frame = leg.format.bytes_per_frame
        self._pairs = bytearray()
        self._loud: list[int] = []
        self._said: list[int] = []  # start of each tick in which we spoke
        self._tick = asyncio.Event()
        self._ended = asyncio.Event()
        self._media = asyncio.Event()
        self._placed_at = placed_at
        self._media_at_ms: int | None = None

    async def run(self) -> None:
        self._leg.listen(self._on_pairs)
        await until_first_done(events=self._follow_leg(), talk=self._talk())
        if not self._report.ended_by:
            self._report.ended_by = "caller"
        await self._leg.hang_up(EndCause.CALLER_HANGUP)

    def save(self, path: Path) -> None:
        """Two channels: left the agent as heard, right ourselves."""
        pairs = np.frombuffer(bytes(self._pairs), "<i2")
        samples = self._frame // 2
        frames = pairs.reshape(-1, 2, samples).transpose(0, 2, 1).reshape(-1)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(self._leg.format.sample_rate_hz)
            file.writeframes(frames.astype("<i2").tobytes())
        self._report.recording = str(path)

    # ---- audio -------------------------------------------------------------------------------

    def _on_pairs(self, pairs: bytes) -> None:
        size = self._frame
        for start in range(0, len(pairs), 2 * size):
            heard = pairs[start : start + size]
            said = pairs[start + size : start + 2 * size]
            samples = np.frombuffer(heard, "<i2")
            if level_dbfs(samples) > SPEECH_DBFS:
                self._loud.append(self._watch.now_ms)
            if level_dbfs(np.frombuffer(said, "<i2")) > SPEECH_DBFS:
                self._said.append(self._watch.now_ms)
            self._watch.feed(samples)
            self._ears.feed(heard)
        self._pairs += pairs
        self._tick.set()

    async def _until(self, done: Callable[[], bool], deadline_s: float) -> bool:
        """Wait on the audio clock; False after the deadline."""
        end = self._watch.now_ms + deadline_s * 1000
        try:
            # A wall-clock bound too, in case the media stops altogether.
            async with asyncio.timeout(deadline_s + 5):
                while not done():
                    if self._watch.now_ms > end:
                        return False
                    self._tick.clear()
                    await self._tick.wait()
        except TimeoutError:
            return False
        return True

    # ---- the conversation ---------------------------------------------------------------------

    async def _follow_leg(self) -> None:
        async for event in self._leg.events():
            match event:
                case LegMediaStarted(codec=codec):
                    if not self._report.is_answered:
                        self._report.is_answered = True
                        self._report.codec = codec
                        self._report.answer_ms = round((time.monotonic() - self._placed_at) * 1000)
                        self._media_at_ms = self._watch.now_ms
                        self._media.set()
                case LegEnded(sip_status=status):
                    self._report.sip_status = status
                    self._report.ended_by = "far end"
                    return
                case _:
                    pass

    async def _talk(self) -> None:
        await self._media.wait()
        for step, phrase in zip(self._steps, self._phrases, strict=True):
            if step.barge_in_after_s is None:
                await self._until(self._agent_has_finished, TALK_DEADLINE_S)
            else:
                await self._until(self._agent_has_begun, TALK_DEADLINE_S)
                await self._pass((step.barge_in_after_s * 1000) - self._agent_spoke_for_ms())
            await self._perform(step, phrase)
        await self._until(self._agent_has_finished, TALK_DEADLINE_S)
        # Whoever answers a goodbye hangs up; give it the time to do so.
        await self._until(lambda: self._watch.silent_for_ms > LAST_WORDS_S * 1000, 60)

    def _answer_began_ms(self) -> int | None:
        """When the agent began to answer what we said last."""
        return self._watch.first_audio_after(self._said[-1] if self._said else 0)

    def _agent_has_begun(self) -> bool:
        return self._answer_began_ms() is not None

    def _agent_spoke_for_ms(self) -> int:
        began = self._answer_began_ms()
        return 0 if began is None else self._watch.now_ms - began

    async def _pass(self, ms: float) -> None:
        until = self._watch.now_ms + ms
        await self._until(lambda: self._watch.now_ms >= until, max(ms, 0) / 1000 + 1)

    def _agent_has_finished(self) -> bool:
        """Spoken since we last spoke, and silent now."""
        last = self._said[-1] if self._said else -1
        return (
            not self._watch.is_speaking
            and self._watch.last_loud_ms > last
            and self._watch.silent_for_ms >= self._watch.pause_ms
        )

    async def _perform(self, step: Step, phrase: Phrase | None) -> None:
        report = StepReport(
            kind=step.kind,
            value=step.value,
            started_ms=self._watch.now_ms,
            ended_ms=self._watch.now_ms,
            was_barge_in=step.barge_in_after_s is not None,
        )
        self._report.steps.append(report)
        if phrase is None or step.kind is StepKind.DIGITS:
            # An answer may come with the last digit, but never before the first.
            self._said.append(report.started_ms)
            await self._leg.send_digits(step.value)
            report.ended_ms = self._watch.now_ms
            return
        pcm = phrase.pcm.tobytes()
        while pcm:
            taken = self._leg.write(pcm)
            pcm = pcm[taken:]
            if pcm:
                self._tick.clear()
                await self._tick.wait()
        await self._until(lambda: self._leg.queued_samples() == 0, 90)
        mine = [ms for ms in self._said if ms >= report.started_ms]
        if mine:
            report.started_ms, report.ended_ms = mine[0], mine[-1] + PTIME_MS

    # ---- afterwards ---------------------------------------------------------------------------

    def measure(self) -> None:
        """Fill the report from what was heard; once the ears have settled."""
        report, watch = self._report, self._watch
        report.duration_ms = watch.now_ms - (self._media_at_ms or 0)
        if watch.utterances and self._media_at_ms is not None:
            report.first_audio_ms = max(watch.utterances[0].started_ms - self._media_at_ms, 0)
        for number, step in enumerate(report.steps):
            later = report.steps[number + 1 :]
            limit = later[0].started_ms if later else watch.now_ms
            # The agent may answer the last digit while its tone is still being sent.
            after = step.started_ms if step.kind == StepKind.DIGITS else step.ended_ms
            first = watch.first_audio_after(after)
            if first is not None and (first < limit or not later):
                step.response_ms = max(first - step.ended_ms, 0)
            if step.was_barge_in:
                step.stop_to_silence_ms = stop_to_silence_ms(self._loud, step.started_ms)
        report.heard = self._ears.lines
        for number, step in enumerate(report.steps):
            end = (
                report.steps[number + 1].started_ms
                if number + 1 < len(report.steps)
                else watch.now_ms
            )
            step.agent_replied = " ".join(
                line.text for line in report.heard if step.started_ms <= line.started_ms < end
            )
