"""The actions of one event in the making, and what was last said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trunkline.domain.events import Json
from trunkline.flows.actions import FlowAction, Say
from trunkline.flows.prompts import literal
from trunkline.flows.steps import Line


class Script:
    """Collects actions; remembers the lines that ``repeat`` says again.

    ``constants``: names whose value is the same in every call, so that a line of them alone is
    fixed and was rendered ahead.
    """

    def __init__(self, constants: frozenset[str]) -> None:
        self.constants = constants
        self._actions: list[FlowAction] = []
        self._said = 0
        self._last: list[Say] = []
        self._now: list[Say] = []

    def add(self, *actions: FlowAction) -> None:
        self._actions += actions

    def say(
        self, lines: Iterable[Line], variables: Mapping[str, Json], *, remembers: bool = True
    ) -> None:
        """Queue lines; empty ones are dropped. Raises PromptError when one cannot be rendered."""
        for line in lines:
            text = line.prompt.render(variables)
            is_fixed = line.prompt.variables <= self.constants
            own = "" if is_fixed else literal(line.prompt.source)
            self.say_text(text, is_fixed, line.is_interruptible, own, remembers=remembers)

    def say_text(
        self,
        text: str,
        is_fixed: bool,
        is_interruptible: bool = True,
        own: str = "",
        *,
        remembers: bool = True,
    ) -> None:
        if not text:
            return
        self._said += 1
        line = Say(f"say-{self._said}", text, is_fixed, is_interruptible, own)
        self._actions.append(line)
        if remembers:
            self._now.append(line)

    def say_again(self) -> None:
        """The last remembered lines once more, this time interruptible."""
        for line in self._last:
            self.say_text(line.text, line.is_fixed, own=line.own, remembers=False)

    def engine_said(self, text: str) -> None:
        """The engine's own words are what a caller who asks to repeat wants to hear."""
        if text:
            self._now.append(Say("", text, is_fixed=False))

    def finish(self) -> list[FlowAction]:
        """The actions in order; what was said in them becomes what was last said."""
        actions, self._actions = self._actions, []
        if self._now:
            self._last, self._now = self._now, []
        return actions
