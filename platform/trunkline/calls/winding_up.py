"""The last second of a call: BYE, the transcript's end, the recording, the final facts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from trunkline.audio.recording import RecordingOutcome
from trunkline.calls.ending import End
from trunkline.domain.call import CallState, Disconnected, EndCause, HangupRequested
from trunkline.domain.errors import TrunklineError
from trunkline.domain.events import CallEnded, RecordingClosed
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import CALLS_ENDED, UNDERRUNS

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_FACTS_S: Final = 0.8  # the dialog, the engine and the disk may take so long before facts go out
_DIALOG_S: Final = 5.0
_DISK_S: Final = 20.0  # a slow disk: the recording's fact comes after the call's end


async def wind_up(call: CallSession) -> None:
    """Publish everything within a second of the end, then see the dialog and the disk out."""
    end = await call.ending.asked()
    ended_at_ms = call.edge.clock.monotonic_ms()
    if not end.has_gone:
        call.record.advance(HangupRequested(end.cause))
    call.driver.is_over = True
    call.dialogue.cut()  # what was being said ends here: heard as far as it was played
    call.ears.on_call_ended()
    call.bridge.close()
    closing = asyncio.wrap_future(call.recorder.close()) if call.recorder is not None else None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_within(_hang_up(call, end), "BYE"), name="bye")
            for leg in call.beside:
                tasks.create_task(_within(leg.hang_up(end.cause), "BYE beside"), name="bye-beside")
            tasks.create_task(_within(call.link.close(), "engine"), name="engine-close")
            if closing is not None:
                tasks.create_task(asyncio.wait({closing}, timeout=_FACTS_S), name="recording")
        is_late = closing is not None and not closing.done()
        if closing is not None and not is_late:
            _publish_recording(call, closing)
        _publish_end(call, end, ended_at_ms)
        call.record.flush()
        if not await call.ending.dialog_is_over(0 if end.has_gone else _DIALOG_S):
            log.warning("the far end did not answer BYE", call_id=call.call_id)
        if closing is not None and is_late:
            log.warning("a call's end is slow", part="recording")
            await asyncio.wait({closing}, timeout=_DISK_S)
            _publish_recording(call, closing)
    finally:
        call.record.close()


async def break_off(call: CallSession) -> None:
    """After a fault that even winding up did not survive: nobody stays on the line, and the call is
    over for all who look."""
    await _within(call.leg.hang_up(EndCause.INTERNAL_ERROR), "BYE")
    for leg in call.beside:
        await _within(leg.hang_up(EndCause.INTERNAL_ERROR), "BYE beside")
    await _within(call.link.close(), "engine")
    if call.record.state is not CallState.ENDED:
        now_ms, since_ms = call.edge.clock.monotonic_ms(), call.answered_at_ms
        duration_ms = 0 if since_ms is None else round(now_ms - since_ms)
        CALLS_ENDED.labels(cause=EndCause.INTERNAL_ERROR.value).inc()
        call.record.publish(
            CallEnded(
                call_id=call.call_id,
                at=call.edge.clock.now(),
                cause=EndCause.INTERNAL_ERROR,
                sip_status=None,
                reason="internal error",
                duration_ms=duration_ms,
                stats={},
                receipts={},
            )
        )
    call.record.close()


async def _within(work: Coroutine[Any, Any, None], what: str) -> None:
    try:
        async with asyncio.timeout(_FACTS_S):
            await work
    except TimeoutError:
        log.warning("a call's end is slow", part=what)
    except Exception as exc:  # the other parts, and above all the facts, must go on
        log.error("a part of a call's end failed", part=what, exc_info=exc)


async def _hang_up(call: CallSession, end: End) -> None:
    if not end.has_gone:
        try:
            await call.leg.hang_up(end.cause, sip_status=end.sip_status)
        except TrunklineError as exc:
            log.info("the dialog was over before BYE", call_id=call.call_id, code=exc.code)
        await call.ending.dialog_is_over(_FACTS_S / 2)


def _publish_recording(call: CallSession, closing: asyncio.Future[RecordingOutcome]) -> None:
    recorder = call.recorder
    assert recorder is not None
    if not closing.done() or closing.exception() is not None:
        log.error("a recording was not closed", call_id=call.call_id, file=recorder.path.name)
        return
    outcome = closing.result()
    if outcome.duration_ms == 0:
        return  # never answered: nothing was recorded
    call.record.publish(
        RecordingClosed(
            call_id=call.call_id,
            at=call.edge.clock.now(),
            path=str(recorder.path.relative_to(call.edge.data_dir)),
            state=outcome.state,
            duration_ms=outcome.duration_ms,
            sample_rate_hz=call.leg.format.sample_rate_hz,
            lost_ms=outcome.lost_ms,
        )
    )


def _publish_end(call: CallSession, end: End, ended_at_ms: float) -> None:
    answered_at_ms = call.answered_at_ms
    duration_ms = 0 if answered_at_ms is None else round(ended_at_ms - answered_at_ms)
    stats = {name: float(value) for name, value in asdict(call.leg.stats()).items()}
    stats["dropped_agent_samples"] = call.dialogue.playout.dropped_samples
    UNDERRUNS.inc(stats["underruns"])
    CALLS_ENDED.labels(cause=end.cause.value).inc()
    ended = CallEnded(
        call_id=call.call_id,
        at=call.edge.clock.now(),
        cause=end.cause,
        sip_status=end.sip_status,
        reason=end.reason,
        duration_ms=duration_ms,
        stats=stats,
        receipts=call.dialogue.receipts.summary(),
        usage=call.ears.usage,
        signalling=call.ending.dialog.signalling,
        media_problem=call.ending.dialog.media_problem,
    )
    call.record.advance(Disconnected(end.cause, end.sip_status))
    call.record.publish(ended)
