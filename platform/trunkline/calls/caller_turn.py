"""A turn of the caller's whose words are known: judged, recorded and acted on, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from trunkline.calls.dialogue import Dialogue
from trunkline.calls.record import CallRecord
from trunkline.calls.transcript import CallerUtterance
from trunkline.calls.turn_events import (
    Answer,
    Discard,
    Interrupt,
    Pause,
    Reason,
    Resume,
    Transcribed,
    Unclear,
)
from trunkline.calls.withholding import WITHHELD
from trunkline.domain.turn import TurnKind
from trunkline.flows.actions import GuardStopped
from trunkline.flows.guard.pack import Side, Verb

_ON_THE_AGENT: Final = (Pause, Resume, Interrupt)


def take_turn(
    dialogue: Dialogue,
    record: CallRecord,
    utterance: CallerUtterance,
    transcribed: Transcribed,
    tell_flow: Callable[[GuardStopped], None],
) -> None:
    """First its place in the conversation, then what guardrails and turn policy make of it."""
    item_id, said = utterance.item_id, utterance.text
    verdict = dialogue.guard.heard(said)
    is_withheld = record.withholding.covers(utterance.started_ms, utterance.ended_ms)
    dialogue.conversation.caller_said(item_id, "" if is_withheld else said)
    step = record.step
    decisions = dialogue.policy.handle(replace(transcribed, is_stopped=verdict.is_blocked))
    discard = next((d for d in decisions if isinstance(d, Discard) and d.item_id == item_id), None)
    # The agent's turn that this one cuts ends before it; the answer comes after it.
    first = [decision for decision in decisions if isinstance(decision, _ON_THE_AGENT)]
    dialogue.carry_out(first)
    if said or discard is None:
        kind = TurnKind.SPEECH if discard is None else TurnKind.BACKCHANNEL
        record.turn(dialogue.transcript.caller_turn(utterance, kind, step))
    # An echo of the agent's, or a tone, is nothing that the caller said.
    is_callers = discard is None or discard.reason is not Reason.NOISE
    if verdict.verb is Verb.REDACT and is_callers:
        dialogue.conversation.replace(item_id, verdict.text)
    answers = (Answer, Unclear) if verdict.is_blocked else ()
    dialogue.carry_out([d for d in decisions if d not in first and not isinstance(d, answers)])
    if not verdict.findings or not is_callers:
        return
    dialogue.guard.told(Side.INPUT, verdict, WITHHELD if is_withheld else said)
    if verdict.is_blocked:
        dialogue.stop_turn(item_id, is_discarded=discard is not None)
        tell_flow(dialogue.guard.answer_to(verdict))
    dialogue.guard.alert(verdict)
