"""What assembling shares: known names, and complaints with the line of what they are about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import Final, TypeVar

from trunkline.domain.events import Json
from trunkline.flows.conditions import Condition, compile_condition
from trunkline.flows.flow import CALL_VARIABLES
from trunkline.flows.prompts import (
    Expression,
    Prompt,
    PromptError,
    compile_expression,
    compile_prompt,
    compile_value,
    members_read,
    reads_bare,
)
from trunkline.flows.schema.document import CollectPart, FallbackPart, LinePart
from trunkline.flows.schema.parts import Parts, did_you_mean
from trunkline.flows.schema.source import Source, YamlPath
from trunkline.flows.steps import RETURN, Fallback, Line

_C = TypeVar("_C", bound=Prompt | Expression | Condition)
_HOURS: Final = frozenset({"open", "opens"})
_NOTHING: Final = compile_prompt("")
_NEVER: Final = compile_condition("false")


class Assembly:
    """Compiles texts and checks names; a fault is noted and a harmless stand-in returned."""

    def __init__(self, source: Source, parts: Parts) -> None:
        self.source = source
        self.parts = parts
        self.base: YamlPath = ()
        self.prefix = ""
        self.step_names = parts.step_names
        written = (
            _written(source.value)
            | _set_by_tools(source.value)
            | {f.save_as for f in parts.before_answer.values()}
        )
        inner: set[str] = set()
        for name, subflow in parts.subflows.items():
            inner |= {*subflow.parameters, *_written(_subflow(source, name))}
        self.calendars = _calendar_names(source.value)
        hours = _HOURS if self.calendars else frozenset()
        self.variables = {*CALL_VARIABLES, *parts.variable_names} | written | hours
        self.constants = set(parts.variable_names) - written - inner
        self.secrets = _secret_slots(parts)
        self.call_variables = frozenset(CALL_VARIABLES)

    def within(self, name: str) -> Assembly:
        """The same for the steps of a sub-flow: names and variables of its own."""
        inner = copy(self)
        subflow = self.parts.subflows[name]
        value = _subflow(self.source, name)
        inner.base, inner.prefix = ("flows", name), f"{name}."
        steps = value.get("steps") if isinstance(value, dict) else None
        inner.step_names = (*(steps if isinstance(steps, dict) else ()), RETURN)
        hours = self.variables & _HOURS
        inner.variables = (
            {*CALL_VARIABLES, *subflow.parameters}
            | self.constants
            | _written(value)
            | _set_by_tools(self.source.value)
            | hours
        )
        return inner

    def complain(self, path: YamlPath, message: str) -> None:
        self.source.complain(path, message)

    def prompt(self, text: str, path: YamlPath, known: Collection[str] | None = None) -> Prompt:
        return self._compile(compile_prompt, text, path, known) or _NOTHING

    def value(
        self,
        value: str | int | float | bool | None,
        path: YamlPath,
        known: Collection[str] | None = None,
    ) -> Expression | Prompt:
        """An argument: text is a template, anything else is itself."""
        if isinstance(value, str):
            return self._compile(compile_value, value, path, known) or _NOTHING
        if value is None or isinstance(value, bool):
            return compile_expression({None: "none", True: "true", False: "false"}[value])
        return compile_expression(repr(value))

    def condition(
        self, text: str, path: YamlPath, known: Collection[str] | None = None
    ) -> Condition:
        return self._compile(compile_condition, text, path, known) or _NEVER

    def _compile(
        self,
        compiler: Callable[[str], _C],
        text: str,
        path: YamlPath,
        known: Collection[str] | None,
    ) -> _C | None:
        try:
            compiled = compiler(text)
        except PromptError as exc:
            self.complain(path, str(exc))
            return None
        names = self.variables if known is None else known
        for name in sorted(compiled.variables - set(names)):
            hint = did_you_mean(name, names)
            self.complain(path, f"nothing ever sets the variable {name!r}{hint}")
        for root in sorted(compiled.variables & _HOURS & set(names)):
            is_expression = not isinstance(compiled, Prompt)
            read = members_read(root, compiled.source, is_expression=is_expression)
            for name in sorted(read - self.calendars):
                hint = did_you_mean(name, self.calendars)
                self.complain(path, f"there is no calendar {name!r}{hint}")
            if reads_bare(root, compiled.source, is_expression=is_expression):
                example = min(self.calendars, default="office")
                self.complain(path, f"{root!r} of which calendar? Write {root}.{example}")
        # A tool's own templates read its parameters, which may have a slot's name.
        reads_slots = known is None or self.variables.issubset(known)
        for name in sorted(compiled.variables & self.secrets if reads_slots else ()):
            if compiled.source.strip() != name or "arguments" not in path:
                self.complain(path, f"{name!r} is secret: only a tool may get it, as it is")
        return compiled

    def lines(self, parts: Sequence[LinePart], path: YamlPath) -> tuple[Line, ...]:
        return tuple(
            Line(self.prompt(part.text, (*path, place, "text")), part.interruptible)
            for place, part in enumerate(parts)
        )

    def texts(self, texts: Sequence[str], path: YamlPath) -> tuple[Prompt, ...]:
        return tuple(self.prompt(text, (*path, place)) for place, text in enumerate(texts))

    def step(self, name: str, path: YamlPath) -> str:
        """The name, after a complaint when there is no such step."""
        if name not in self.step_names:
            hint = did_you_mean(name, self.step_names)
            self.complain(path, f"there is no step {name!r}{hint}")
        return self.prefix + name

    def optional_step(self, name: str | None, path: YamlPath) -> str | None:
        return None if name is None else self.step(name, path)

    def fallback(self, part: FallbackPart, path: YamlPath) -> Fallback:
        return Fallback(
            lines=self.lines(part.say, (*path, "say")),
            goto=self.optional_step(part.goto, (*path, "goto")),
        )


def _subflow(source: Source, name: str) -> Json:
    value = source.value if isinstance(source.value, dict) else {}
    flows = value.get("flows")
    return flows.get(name) if isinstance(flows, dict) else None


def _calendar_names(value: Json) -> frozenset[str]:
    """As written: a mistake elsewhere in the file does not make a calendar unknown."""
    calendars = value.get("calendars") if isinstance(value, dict) else None
    return frozenset(calendars if isinstance(calendars, dict) else ())


def _secret_slots(parts: Parts) -> set[str]:
    names = {name for name, slot in (parts.flow.slots if parts.flow else {}).items() if slot.secret}
    for steps in (parts.steps, *parts.subflow_steps.values()):
        for step in steps.values():
            if isinstance(step, CollectPart):
                names |= {name for name, slot in step.collect.items() if slot and slot.secret}
    return names


def _set_by_tools(value: Json) -> set[str]:
    """Variables that built-ins may set, wherever they are offered."""
    names: set[str] = set()
    tools = value.get("tools") if isinstance(value, dict) else None
    for tool in tools.values() if isinstance(tools, dict) else ():
        builtin = tool.get("builtin") if isinstance(tool, dict) else None
        values = builtin.get("set_variable") if isinstance(builtin, dict) else None
        names |= {name for name in values or () if isinstance(name, str)}
    return names


def _saved_by_offers(step: Mapping[str, Json]) -> set[str]:
    listen = step.get("listen")
    offers = listen.get("tools") if isinstance(listen, dict) else None
    if not isinstance(offers, dict):
        return set()
    saved = (offer.get("save_as") for offer in offers.values() if isinstance(offer, dict))
    return {name for name in saved if isinstance(name, str)}


def _written(value: Json) -> set[str]:
    """Variables that some step writes, steps with mistakes included."""
    names: set[str] = set()
    steps = value.get("steps") if isinstance(value, dict) else None
    for step in steps.values() if isinstance(steps, dict) else ():
        if not isinstance(step, dict):
            continue
        for key in ("collect", "set", "returns"):
            written = step.get(key)
            if isinstance(written, dict | list):
                names |= {name for name in written if isinstance(name, str)}
        names |= _saved_by_offers(step)
        wait = step.get("wait")
        for written_by, key in ((step, "save_as"), (step, "message"), (wait, "save_arguments_as")):
            if isinstance(written_by, dict) and isinstance(written_by.get(key), str):
                names.add(written_by[key])
    return names
