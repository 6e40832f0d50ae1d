"""What transfers, queues and answering machines bring, while the caller is away from the engine."""

from __future__ import annotations

from trunkline.flows import call_steps, offered_tools, talk_steps
from trunkline.flows.actions import (
    BeepHeard,
    QueueFinished,
    QueuePosition,
    TransferFinished,
    VoicemailDetected,
)
from trunkline.flows.steps import QueueStep, SayStep, TransferStep, VoicemailStep
from trunkline.flows.walk import Mode, Walk


def came_back(walk: Walk, event: TransferFinished | QueueFinished | QueuePosition) -> str | None:
    """A transfer or a queue has come to something."""
    step = walk.step
    offered = walk.tool.offered if walk.tool is not None else None
    if offered is not None and walk.mode in (Mode.TRANSFER, Mode.QUEUE):
        return offered_tools.on_away(walk, event)
    match event:
        case TransferFinished():
            if walk.mode is Mode.TRANSFER and isinstance(step, TransferStep):
                return call_steps.transfer_finished(walk, step, event)
        case QueueFinished():
            if walk.mode is Mode.QUEUE and isinstance(step, QueueStep):
                return call_steps.queue_finished(walk, step, event)
        case QueuePosition():
            if walk.mode is Mode.QUEUE and isinstance(step, QueueStep):
                call_steps.queue_moved(walk, step, event)
    return None


def answered(walk: Walk, event: VoicemailDetected | BeepHeard) -> str | None:
    """It is known who answered a call that was placed."""
    step = walk.step
    match event:
        case VoicemailDetected():
            if walk.mode is Mode.DETECTING and isinstance(step, VoicemailStep):
                return call_steps.voicemail_detected(step, event.kind)
        case BeepHeard():
            if walk.mode is Mode.BEEP and walk.tool is not None:
                offered_tools.beep_heard(walk)
            elif walk.mode is Mode.BEEP and isinstance(step, SayStep):
                return talk_steps.speak(walk, step)
    return None
