"""Steps that talk: say, collect, and what silence and noise lead to in them."""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.flows import identity
from trunkline.flows.actions import AwaitBeep, HangUpReason
from trunkline.flows.compile import configure, configure_confirmation, open_slots
from trunkline.flows.slots import BadValue, Confirm, Slot, SlotValue, check, in_words
from trunkline.flows.steps import CollectStep, Fallback, Line, SayStep
from trunkline.flows.walk import FlowFault, Mode, Walk


def enter_say(walk: Walk, step: SayStep) -> str | None:
    if step.beep_ms is not None:
        walk.mode = Mode.BEEP
        walk.script.add(AwaitBeep(step.beep_ms))
        return None
    return speak(walk, step)


def speak(walk: Walk, step: SayStep) -> str | None:
    """The step's lines, then on, or the caller's turn."""
    walk.mode = Mode.LISTENING
    if step.next is not None:
        walk.say(step.lines)
        return step.next
    walk.use_engine(walk.listening.engine)
    walk.script.add(configure(walk.flow, step, walk.memory.scope))
    walk.say(step.lines)
    walk.listen()
    return None


def enter_collect(walk: Walk, step: CollectStep) -> str | None:
    names = {slot.name for slot in step.slots}
    walk.keyed_parts.clear()
    walk.filled = names & set(walk.memory.variables) if step.reuses else set()
    if not open_slots(step, walk.filled):
        return _leave(walk, step)
    walk.say(step.lines)
    walk.use_engine(walk.listening.engine)
    return ask_for_rest(walk, step)


def ask_for_rest(walk: Walk, step: CollectStep) -> str | None:
    """Ask for the first open slot: the flow itself for the keypad, the engine for all others.

    What was told along with the caller's wish is read back, or taken where nothing ever is.
    """
    told = _told(walk, step)
    taken = {
        slot.name: told.pop(slot.name)
        for slot in step.slots
        if slot.name in told and slot.confirm is Confirm.NEVER
    }
    if taken:
        walk.told |= told
        return keep(walk, step, taken)
    walk.script.add(
        configure(walk.flow, step, walk.memory.scope, walk.filled, told, keyed=walk.keyed_parts)
    )
    slot = walk.open_slot()
    if slot is not None and slot.is_keypad_only:
        walk.say((Line(slot.ask),))
        walk.listen()
    else:
        walk.ask_engine()
    return None


def _told(walk: Walk, step: CollectStep) -> dict[str, SlotValue]:
    """Values told in passing that fit what this step asks for; each is used once."""
    found: dict[str, SlotValue] = {}
    for slot in open_slots(step, walk.filled):
        if slot.name in walk.told and not slot.is_keypad_only:
            try:
                found[slot.name] = check(slot, walk.told.pop(slot.name), walk.today)
            except BadValue:
                continue  # it is asked for like any other
    return found


def keep(walk: Walk, step: CollectStep, values: Mapping[str, SlotValue]) -> str | None:
    """Take slot values; go on, or ask for what is still missing."""
    walk.mode, walk.keyed = Mode.LISTENING, None
    for slot in step.slots:
        if slot.name in values:
            walk.memory.keep(slot, values[slot.name], walk.mint() if slot.is_secret else "")
    walk.filled |= set(values)
    for name in values:
        walk.keyed_parts.pop(name, None)
    return ask_for_rest(walk, step) if open_slots(step, walk.filled) else _leave(walk, step)


def _leave(walk: Walk, step: CollectStep) -> str:
    identity.step_passed(walk, step)
    holding = (case.goto for case in step.cases if case.when.holds(walk.memory.scope))
    return next(holding, step.next)


def take_part(walk: Walk, step: CollectStep, slot: Slot, digits: str) -> str | None:
    """Digits that are too few: the engine joins them with what was said, or asks for the rest."""
    walk.patience.accepted()
    walk.keyed_parts[slot.name] = walk.keyed_parts.get(slot.name, "") + digits
    return ask_for_rest(walk, step)


def take_keyed(walk: Walk, step: CollectStep, slot: Slot, value: SlotValue) -> str | None:
    """A value from the keypad: kept, or read back by the flow itself when the slot wants that."""
    walk.patience.accepted()
    if slot.confirm is not Confirm.ALWAYS or slot.read_back is None:
        return keep(walk, step, {slot.name: value})
    walk.mode, walk.keyed = Mode.CONFIRMING, (slot, value)
    walk.script.add(configure_confirmation(walk.flow, step, walk.memory.scope))
    question = walk.render(slot.read_back).replace("{value}", in_words(slot, value))
    walk.script.say_text(question, is_fixed=False)
    walk.listen()
    return None


def confirm(walk: Walk, is_right: bool) -> str | None:
    """The caller's answer to a value that was read back."""
    step, keyed = walk.step, walk.keyed
    if keyed is None or not isinstance(step, CollectStep):
        raise FlowFault("nothing was waiting to be confirmed")
    walk.patience.accepted()
    return keep(walk, step, {keyed[0].name: keyed[1]} if is_right else {})


def silent(walk: Walk) -> str | None:
    """Nobody spoke: an idle prompt, the step's own branch, or the flow's policy."""
    listening, policy = walk.listening, walk.flow.policies.no_input
    if walk.patience.idles < len(listening.idle):
        lines = listening.idle[walk.patience.idles].lines
        walk.patience.idles += 1
        walk.say(lines, remembers=False)
        walk.listen()
        return None
    if listening.silence is not None:
        return walk.fall_back(Fallback(goto=listening.silence.goto), HangUpReason.NO_INPUT)
    count = walk.patience.silences
    if count >= len(policy.reprompts):
        return walk.fall_back(policy.fallback, HangUpReason.NO_INPUT)
    walk.patience.silences += 1
    slot = walk.open_slot()
    walk.say((policy.reprompts[count], *((Line(slot.ask),) if slot else ())), remembers=False)
    walk.listen()
    return None


def not_understood(walk: Walk) -> str | None:
    """Speech or digits that fit nothing: the slot's own reprompts, or the flow's."""
    policy = walk.flow.policies.no_match
    slot = walk.open_slot()
    own = tuple(Line(prompt) for prompt in slot.reprompts) if slot else ()
    reprompts = own or policy.reprompts
    count = walk.patience.unclear
    if count >= len(reprompts):
        return walk.fall_back(policy.fallback, HangUpReason.NO_MATCH)
    walk.patience.unclear += 1
    walk.say((reprompts[count],), remembers=False)
    walk.listen()
    return None
