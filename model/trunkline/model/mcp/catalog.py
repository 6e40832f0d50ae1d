"""What the listed tools of a session's servers come to: functions for the engine, and the way back
from a function's name to server and tool. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trunkline.domain.events import Json
from trunkline.realtime.mcp_items import McpListedTool
from trunkline.realtime.tools import (
    ApprovalFilter,
    FunctionTool,
    McpFilter,
    McpTool,
    NamedFunction,
    NamedMcp,
    functions_of,
    servers_of,
    tool_documents,
)


@dataclass(frozen=True, slots=True)
class McpRoute:
    server: McpTool
    tool: str
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """``tools`` and ``choice`` are what the engine is told; ``routes`` leads back."""

    tools: tuple[Mapping[str, Json], ...]
    choice: str | Mapping[str, Json]
    routes: Mapping[str, McpRoute]


def matches(wanted: McpFilter, tool: McpListedTool) -> bool:
    if wanted.tool_names is not None and tool.name not in wanted.tool_names:
        return False
    return wanted.read_only is None or wanted.read_only == _is_read_only(tool)


def _is_read_only(tool: McpListedTool) -> bool:
    annotations = tool.annotations
    return isinstance(annotations, Mapping) and annotations.get("readOnlyHint") is True


def allowed(server: McpTool, listed: Sequence[McpListedTool]) -> tuple[McpListedTool, ...]:
    """The tools a client lets the model see."""
    rule = server.allowed_tools
    if rule is None:
        return tuple(listed)
    wanted = rule if isinstance(rule, McpFilter) else McpFilter(tool_names=rule)
    return tuple(tool for tool in listed if matches(wanted, tool))


def needs_approval(server: McpTool, tool: McpListedTool) -> bool:
    """Unless the client said otherwise every call is asked for; ``never`` loses to ``always``."""
    rule = server.require_approval
    if isinstance(rule, ApprovalFilter):
        if rule.always is not None and matches(rule.always, tool):
            return True
        return rule.never is None or not matches(rule.never, tool)
    return rule != "never"


def offer(
    tools: Sequence[FunctionTool | McpTool],
    listings: Mapping[str, Sequence[McpListedTool]],
    choice: str | NamedFunction | NamedMcp,
) -> Offer:
    """``listings``: by server label, already ``allowed``; a server without one offers nothing."""
    documents: list[Mapping[str, Json]] = list(tool_documents(tools))
    taken = {tool.name for tool in functions_of(tools)}
    routes: dict[str, McpRoute] = {}
    for server in servers_of(tools):
        for tool in listings.get(server.server_label, ()):
            name = _free_name(server.server_label, tool.name, taken)
            taken.add(name)
            routes[name] = McpRoute(server, tool.name, needs_approval(server, tool))
            documents.append(
                {
                    "type": "function",
                    "name": name,
                    "description": tool.description or "",
                    "parameters": tool.input_schema,
                }
            )
    return _chosen(tuple(documents), choice, routes)


def _chosen(
    documents: tuple[Mapping[str, Json], ...],
    choice: str | NamedFunction | NamedMcp,
    routes: Mapping[str, McpRoute],
) -> Offer:
    if isinstance(choice, str):
        return Offer(documents, choice, routes)
    if isinstance(choice, NamedFunction):
        return Offer(documents, choice.model_dump(), routes)
    names = [
        name
        for name, route in routes.items()
        if route.server.server_label == choice.server_label
        and (choice.name is None or route.tool == choice.name)
    ]
    if len(names) == 1:
        return Offer(documents, {"type": "function", "name": names[0]}, routes)
    own = tuple(document for document in documents if document["name"] in names)
    return Offer(own, "required" if own else "auto", routes)


def _free_name(label: str, tool: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", tool)[:96] or "tool"
    for name in (plain, f"{label}__{plain}"):
        if name not in taken:
            return name
    number = 2
    while f"{label}__{plain}_{number}" in taken:
        number += 1
    return f"{label}__{plain}_{number}"
