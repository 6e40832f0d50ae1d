"""Built-ins as written into what the call does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from trunkline.flows.builtins import (
    Builtin,
    BuiltinTransport,
    HangUpBuiltin,
    QueueBuiltin,
    SendDigitsBuiltin,
    SetVariableBuiltin,
    TransferBuiltin,
    VoicemailMessageBuiltin,
)
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.builtin_document import BuiltinPart, TransferPart
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.step_kinds import QueuePart

_QUEUE_VARIABLES: Final = ("queue_position", "queue_minutes")


def assemble_builtin(assembly: Assembly, part: BuiltinPart, path: YamlPath) -> BuiltinTransport:
    """The built-in; a harmless one after a complaint."""
    given = [name for name in Builtin if getattr(part, name) is not None]
    if len(given) != 1:
        names = ", ".join(Builtin)
        assembly.complain(path, f"a built-in is one of {names}")
        return SendDigitsBuiltin()
    at = (*path, given[0].value)
    if part.transfer is not None:
        return _transfer(assembly, part.transfer, at)
    if part.queue is not None:
        return _queue(assembly, part.queue, at)
    if part.set_variable is not None:
        return _set_variable(assembly, part.set_variable, at)
    if part.hang_up is not None:
        say = part.hang_up.say
        return HangUpBuiltin(assembly.prompt(say, (*at, "say")) if say else None)
    if part.voicemail_message is not None:
        message = assembly.prompt(part.voicemail_message.say, (*at, "say"))
        return VoicemailMessageBuiltin(message, round(part.voicemail_message.beep_wait_s * 1000))
    return SendDigitsBuiltin()


def _transfer(assembly: Assembly, part: TransferPart, path: YamlPath) -> TransferBuiltin:
    return TransferBuiltin(
        targets={
            name: assembly.prompt(text, (*path, "targets", name))
            for name, text in part.targets.items()
        },
        mode=part.mode,
        briefing=assembly.prompt(part.briefing, (*path, "briefing")) if part.briefing else None,
        ring_ms=round(part.ring_s * 1000),
        needs_key=part.needs_key,
    )


def _queue(assembly: Assembly, part: QueuePart, path: YamlPath) -> QueueBuiltin:
    known = {*assembly.variables, *_QUEUE_VARIABLES}
    return QueueBuiltin(
        queue=part.name,
        targets=assembly.texts(part.targets, (*path, "targets")),
        announcement=assembly.prompt(part.announce, (*path, "announce"), known),
        announce_every_ms=round(part.announce_every_s * 1000),
        callback_key=part.callback_key or "",
        max_wait_ms=round(part.max_wait_s * 1000),
        ring_ms=round(part.ring_s * 1000),
        briefing=assembly.prompt(part.briefing, (*path, "briefing")) if part.briefing else None,
        needs_key=part.needs_key,
    )


def _set_variable(
    assembly: Assembly, values: Mapping[str, Mapping[str, Any]], path: YamlPath
) -> SetVariableBuiltin:
    if not values:
        assembly.complain(path, "which variables? Give each the JSON Schema of what it may hold")
    for name, schema in values.items():
        try:
            Draft202012Validator.check_schema(dict(schema))
        except SchemaError as exc:
            at = (*path, name, *exc.absolute_path)
            assembly.complain(at, f"not a JSON Schema: {exc.message}")
        if name in assembly.secrets:
            assembly.complain((*path, name), f"{name!r} is secret: only the keypad may set it")
        if name in assembly.call_variables:
            message = f"{name!r} is set by the call itself: choose another name"
            assembly.complain((*path, name), message)
    return SetVariableBuiltin(values)
