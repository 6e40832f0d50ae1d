"""Tools of every transport as a flow file writes them, and what is said about mistakes."""

from __future__ import annotations

import pytest

from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.tools import (
    BreakerPolicy,
    McpTransport,
    ToolSpec,
)

FLOW = """
agent: {name: library, display_name: Library}
start: bye
allow_hosts: [mcp.example.org]
mcp_servers:
  books:
    url: https://mcp.example.org/mcp
    headers: {Authorization: "Bearer {{ secrets.books }}"}
  local: {command: books-server, args: [--stdio], env: {BOOKS_TOKEN: "{{ secrets.books }}"}}
tools:
  probe: %s
steps:
  bye: {say: Goodbye., hang_up: done}
"""


def load(tool: str) -> Flow:
    return load_flow(FLOW % tool, environment={})


def probe(tool: str) -> ToolSpec:
    return load(tool).tools["probe"]


def complaints(tool: str) -> str:
    with pytest.raises(FlowInvalid) as caught:
        load(tool)
    return str(caught.value)


def test_an_mcp_tool_without_parameters_takes_over_the_servers_schema() -> None:
    transport = probe("{description: Find., mcp: {server: books, tool: find}}").transport
    assert isinstance(transport, McpTransport)
    assert not transport.has_own_schema
    assert transport.server.url is not None
    assert transport.server.allowed_hosts == ("mcp.example.org",)


def test_an_mcp_server_may_be_a_process() -> None:
    transport = probe("{description: Find., mcp: {server: local, tool: find}}").transport
    assert isinstance(transport, McpTransport)
    assert transport.server.command == ("books-server", "--stdio")


def test_what_is_bounded_is_written_on_the_tool() -> None:
    tool = probe(
        "{description: Find., mcp: {server: books, tool: find}, concurrency: 2, dry_run: true,"
        " breaker: {failures: 2, open_s: 1.5}}"
    )
    assert (tool.concurrency, tool.is_dry_run) == (2, True)
    assert tool.breaker == BreakerPolicy(2, 1500)


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("{description: X.}", "a tool has one of http, python, mcp"),
        (
            "{description: X., python: 'a:b', mcp: {server: books, tool: find}}",
            "and this has python and mcp",
        ),
        ("{description: X., mcp: {server: book, tool: find}}", "did you mean 'books'?"),
        ("{description: X., python: 'os:system'}", "no such tool in the modules"),
        ("{description: X., python: 'os.system'}", "should match pattern"),
        ("{mcp: {server: books, tool: find}}", "'description' is missing"),
        ("{description: X., mcp: {server: books, tool: find}, after: silent}", "after"),
        (
            "{description: X., secrets: [other], mcp: {server: books, tool: find}}",
            "the secret 'books' is used and not listed",
        ),
    ],
)
def test_a_mistake_in_a_tool_is_named(tool: str, said: str) -> None:
    assert said in complaints(tool)


@pytest.mark.parametrize("does", ["hang_up", "send_digits", "set_variable", "''", "{a: 1}"])
def test_what_a_call_does_by_itself_is_refused_as_a_tool_and_the_steps_are_named(does: str) -> None:
    with pytest.raises(FlowInvalid) as caught:
        load(f"{{description: X., builtin: {does}}}")
    (complaint,) = caught.value.complaints
    assert complaint.line == FLOW[: FLOW.index("  probe:")].count("\n") + 1
    assert "hang_up, send_digits, set" in str(caught.value)
