"""What a call knows in its flow: variables, the sub-flows it is inside of, and secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trunkline.domain.events import Json
from trunkline.flows.calendars import hours_scope
from trunkline.flows.flow import CALL_VARIABLES, Flow
from trunkline.flows.secrecy import is_secret_token, secret_token
from trunkline.flows.slots import Slot, SlotValue
from trunkline.flows.steps import CallStep


def call_variables(flow: Flow, variables: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """What a flow knows when it begins: the call's own, the declared ones, what was fetched."""
    local = now.astimezone(flow.timezone)
    return {
        "call_id": "",
        "caller_number": "",
        "called_number": "",
        "caller_asserted": "",
        "diverted_from": "",
        "headers": {},
        "direction": "inbound",
        "today": local.date().isoformat(),
        "time_of_day": local.strftime("%H:%M"),
        **{fetch.save_as: fetch.default for fetch in flow.before_answer},
        **flow.variables,
        **variables,
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a sub-flow was called from, and the variables there."""

    step: CallStep
    variables: dict[str, Json]


class Memory:
    """``variables`` are those of the innermost sub-flow; texts and conditions read ``scope``."""

    def __init__(self, flow: Flow, variables: dict[str, Json], now: Callable[[], datetime]) -> None:
        self.variables = variables
        self.secrets: dict[str, str] = {}
        self._frames: list[Frame] = []
        self._shared = frozenset(CALL_VARIABLES) | flow.constants
        self._hours = (
            hours_scope(flow.calendars, lambda: now().astimezone(flow.timezone))
            if flow.calendars
            else {}
        )

    @property
    def scope(self) -> Mapping[str, Json]:
        """The variables, and the calendars as they are now."""
        return {**self.variables, **self._hours} if self._hours else self.variables

    @property
    def depth(self) -> int:
        return len(self._frames)

    def call(self, step: CallStep, arguments: Mapping[str, Json]) -> None:
        """Go into a sub-flow: only the call's own variables and constants are seen from there."""
        inner = {name: value for name, value in self.variables.items() if name in self._shared}
        self._frames.append(Frame(step, self.variables))
        self.variables = {**inner, **arguments}

    def come_back(self) -> CallStep:
        """Out of a sub-flow, with what it returns; a variable that got no value is null."""
        frame = self._frames.pop()
        inner, self.variables = self.variables, frame.variables
        for here, there in frame.step.returns.items():
            self.variables[here] = inner.get(there)
        return frame.step

    def leave_all(self) -> None:
        """Out of every sub-flow at once: the caller wanted something else, or patience ended."""
        if self._frames:
            self.variables = self._frames[0].variables
            self._frames.clear()

    def keep(self, slot: Slot, value: SlotValue, nonce: str) -> None:
        """Remember a slot's value; a secret one behind a token."""
        if not slot.is_secret:
            self.variables[slot.name] = value
            return
        token = secret_token(slot.name, nonce)
        self.secrets[token] = str(value)
        self.variables[slot.name] = token

    def secrets_in(self, values: Iterable[Json]) -> dict[str, str]:
        """The secrets that these values stand for."""
        return {
            value: self.secrets[value]
            for value in values
            if is_secret_token(value) and value in self.secrets
        }
