"""Whether a call may be ordered as it is asked for, told before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import orjson

from trunkline.calls.serving import Served
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.flows.flow import CALL_VARIABLES, Flow
from trunkline.flows.tools import HttpTransport, McpTransport

MOST_BYTES: Final = 16_384
FARTHEST: Final = timedelta(days=90)


def flow_of(serving: Mapping[str, Served], agent: str) -> Flow:
    """The flow that the agent's calls get; Invalid names those there are."""
    served = serving.get(agent)
    if served is None:
        there = ", ".join(sorted(serving)) or "none"
        message = f"there is no agent {agent!r} that can serve; there are: {there}"
        raise Invalid(message, code="no_such_agent", param="agent")
    return served.stable


def addressing(flow: Flow) -> frozenset[str]:
    """Variables that say where its tools connect, and as whom: with them go the flow's secrets."""
    names: set[str] = set()
    for tool in flow.tools.values():
        match tool.transport:
            case HttpTransport(url=url, headers=headers):
                read = [url, *headers.values()]
            case McpTransport(server=server):
                url_if_any = () if server.url is None else (server.url,)
                read = [*url_if_any, *server.headers.values(), *server.env.values()]
            case _:
                read = []
        arguments = set(tool.parameters.get("properties", {}))
        names |= {name for prompt in read for name in prompt.variables} - arguments
    return frozenset(names)


def check_variables(flow: Flow, variables: Mapping[str, Json]) -> None:
    """A variable that the flow does not declare would be read by nothing: most likely a slip."""
    kept = addressing(flow)
    for name in variables:
        if name in kept:
            raise Invalid(
                f"{name} says where this agent's tools connect; only the flow itself gives it",
                code="reserved_variable",
                param=f"variables.{name}",
            )
        if name in CALL_VARIABLES:
            raise Invalid(
                f"{name} is the call's own and cannot be given",
                code="reserved_variable",
                param=f"variables.{name}",
            )
        if name not in flow.variables:
            there = ", ".join(sorted(flow.variables)) or "none"
            raise Invalid(
                f"agent {flow.agent.name} declares no variable {name!r}; it declares: {there}",
                code="unknown_variable",
                param=f"variables.{name}",
            )
    check_size(variables, "variables")


def check_size(document: Mapping[str, Json], param: str) -> None:
    try:
        size = len(orjson.dumps(document))
    except orjson.JSONEncodeError:
        raise Invalid(
            "nested too deep, or a whole number beyond 64 bits: send it as text", param=param
        ) from None
    if size > MOST_BYTES:
        raise Invalid(f"no more than {MOST_BYTES} bytes of JSON", param=param)


def due_at(schedule_at: datetime | None, now: datetime) -> datetime:
    """When to dial; Invalid for a time that has gone by or is too far away."""
    if schedule_at is None:
        return now
    if schedule_at < now - timedelta(minutes=1):
        raise Invalid("schedule_at lies in the past", param="schedule_at")
    if schedule_at > now + FARTHEST:
        raise Invalid(f"schedule_at is more than {FARTHEST.days} days away", param="schedule_at")
    return max(schedule_at, now)
