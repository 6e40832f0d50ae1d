"""Steps that do something to the call itself: transfers, queues, digits, hand-offs, voicemail."""

from __future__ import annotations

import re
from typing import Final

from trunkline.domain.errors import NotFound
from trunkline.flows.actions import (
    Answerer,
    DetectVoicemail,
    Enqueue,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    SendDigits,
    Transfer,
    TransferCause,
    TransferFinished,
    UseAgent,
)
from trunkline.flows.flow import CALL_VARIABLES
from trunkline.flows.memory import Memory
from trunkline.flows.prompts import PromptError
from trunkline.flows.steps import (
    EngineChoice,
    HandoffStep,
    QueueStep,
    SendDigitsStep,
    TransferStep,
    VoicemailStep,
)
from trunkline.flows.walk import FlowFault, Mode, Walk

_TARGET: Final = re.compile(r"(?:sips?:|tel:)[^\s<>\"\x00-\x1f]{1,250}|\+?[0-9*#]{1,32}", re.I)
_DIGITS: Final = re.compile(r"[0-9A-Da-d*#wW,]{1,64}", re.ASCII)
# What a final SIP response says about the human (RFC 3261 section 21).
_CAUSES: Final = {
    486: TransferCause.BUSY, 600: TransferCause.BUSY,
    408: TransferCause.NO_ANSWER, 480: TransferCause.NO_ANSWER, 487: TransferCause.NO_ANSWER,
    403: TransferCause.REJECTED, 603: TransferCause.REJECTED, 607: TransferCause.REJECTED,
    404: TransferCause.UNREACHABLE, 410: TransferCause.UNREACHABLE,
    484: TransferCause.UNREACHABLE, 502: TransferCause.UNREACHABLE,
    503: TransferCause.UNREACHABLE, 604: TransferCause.UNREACHABLE,
}  # fmt: skip


def is_target(target: str) -> bool:
    """Whether a call can be placed to it: a SIP or tel URI, or a number."""
    return _TARGET.fullmatch(target) is not None


def cause_of(sip_status: int) -> TransferCause:
    return _CAUSES.get(sip_status, TransferCause.OTHERWISE)


def enter_transfer(walk: Walk, step: TransferStep) -> str | None:
    target = walk.render(step.target)
    if not is_target(target):
        walk.note("the transfer target is no SIP URI")
        return _transfer_failed(walk, step, TransferCause.UNREACHABLE)
    briefing = walk.render(step.briefing) if step.briefing else ""
    walk.say(step.lines)
    walk.mode = Mode.TRANSFER
    walk.script.add(
        Transfer(target, step.mode, briefing, step.ring_ms, step.needs_key, step.detects_machine)
    )
    return None


def transfer_finished(walk: Walk, step: TransferStep, event: TransferFinished) -> str | None:
    if event.is_connected:
        walk.mode = Mode.OVER
        return None
    return _transfer_failed(walk, step, event.cause or cause_of(event.sip_status))


def _transfer_failed(walk: Walk, step: TransferStep, cause: TransferCause) -> str | None:
    own = step.failures.get(cause)
    if own is not None:
        return walk.take(own)
    walk.say(step.failure_lines)
    return step.on_failure


def enter_queue(walk: Walk, step: QueueStep) -> str | None:
    targets = tuple(walk.render(target) for target in step.targets)
    reachable = tuple(target for target in targets if is_target(target))
    if not reachable:
        walk.note("no target of the queue is a SIP URI")
        return walk.take(step.on_unavailable)
    briefing = walk.render(step.briefing) if step.briefing else ""
    walk.say(step.lines)
    walk.mode = Mode.QUEUE
    walk.script.add(
        Enqueue(
            step.queue,
            reachable,
            step.announce_every_ms,
            step.callback_key,
            step.max_wait_ms,
            step.ring_ms,
            briefing,
            step.needs_key,
            step.detects_machine,
        )
    )
    return None


def queue_moved(walk: Walk, step: QueueStep, event: QueuePosition) -> None:
    """Tell the caller where they stand; the wait goes on, also when that cannot be said."""
    estimate = event.estimated_wait_ms
    walk.memory.variables["queue_position"] = event.position
    walk.memory.variables["queue_minutes"] = -(-estimate // 60_000) if estimate else 0
    try:
        walk.say((step.announcement,), remembers=False)
    except PromptError as exc:
        walk.note(str(exc))


def queue_finished(walk: Walk, step: QueueStep, event: QueueFinished) -> str | None:
    match event.outcome:
        case QueueOutcome.CONNECTED | QueueOutcome.LEFT:
            walk.mode = Mode.OVER
            return None
        case QueueOutcome.CALLBACK:
            walk.patience.accepted()
            return walk.take(step.on_callback)
        case QueueOutcome.TIMEOUT:
            return walk.take(step.on_timeout)
        case QueueOutcome.UNAVAILABLE:
            return walk.take(step.on_unavailable)


def enter_voicemail(walk: Walk, step: VoicemailStep) -> None:
    walk.say(step.lines)
    walk.mode = Mode.DETECTING
    walk.script.add(DetectVoicemail(step.wait_ms))


def voicemail_detected(step: VoicemailStep, kind: Answerer) -> str:
    return step.routes[kind]


def enter_send_digits(walk: Walk, step: SendDigitsStep) -> str:
    digits = walk.render(step.digits)
    if not _DIGITS.fullmatch(digits):
        raise FlowFault("only 0 to 9, * and #, A to D and w can be sent as digits")
    walk.say(step.lines)
    walk.script.add(SendDigits(digits))
    return step.next


def enter_handoff(walk: Walk, step: HandoffStep) -> str:
    """The other agent's flow from its start, with the call's own variables and those carried."""
    try:
        flow = walk.find_agent(step.agent)
    except NotFound:
        raise FlowFault(f"there is no agent {step.agent!r} to hand the call to") from None
    walk.say(step.lines)
    old = walk.memory.variables
    kept = {name: old[name] for name in (*CALL_VARIABLES, *step.carry) if name in old}
    defaults = {fetch.save_as: fetch.default for fetch in flow.before_answer}
    walk.memory = Memory(flow, {**defaults, **flow.variables, **kept}, walk.now)
    walk.flow = flow
    walk.keys.clear()
    walk.told.clear()
    walk.script.constants = flow.constants - set(kept)
    walk.script.add(UseAgent(flow.agent))
    walk.use_engine(EngineChoice(flow.agent.model, flow.agent.fallback_model))
    return flow.start
