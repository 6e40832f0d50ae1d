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
        ("{description: X.}", "a tool has one of http, python, mcp, builtin"),
        (
            "{description: X., python: 'a:b', mcp: {server: books, tool: find}}",
            "and this has python and mcp",
        ),
        ("{description: X., mcp: {server: book, tool: find}}", "did you mean 'books'?"),
        ("{description: X., python: 'os:system'}", "no such tool in the modules"),
        ("{description: X., python: 'os.system'}", "should match pattern"),
        ("{mcp: {server: books, tool: find}}", "'description' is missing"),
        ("{description: X., mcp: {server: books, tool: find}, after: never}", "after"),
        (
            "{description: X., secrets: [other], mcp: {server: books, tool: find}}",
            "the secret 'books' is used and not listed",
        ),
    ],
)
def test_a_mistake_in_a_tool_is_named(tool: str, said: str) -> None:
    assert said in complaints(tool)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("dance", "unknown key 'dance'"),
        ("{}", "a built-in is one of transfer, hang_up"),
        ("{hang_up: {}, send_digits: {}}", "a built-in is one of"),
        ("transfer", "'targets' is missing"),
        ("{transfer: {targets: {}}}", "must not be empty"),
        ("{set_variable: {}}", "which variables?"),
        ("{set_variable: {mood: {type: feeling}}}", "not a JSON Schema"),
        ("{set_variable: {caller_number: {type: string}}}", "set by the call itself"),
        ("{voicemail_message: {}}", "'say' is missing"),
        ("hang_up, timeout_s: 3", "a built-in asks no service"),
        ("hang_up, parameters: {type: object}", "a built-in asks no service"),
    ],
)
def test_a_mistake_in_a_built_in_is_named_with_its_line(does: str, said: str) -> None:
    with pytest.raises(FlowInvalid) as caught:
        load(f"{{description: X., builtin: {does}}}")
    assert said in str(caught.value)
    assert caught.value.complaints[0].line == FLOW[: FLOW.index("  probe:")].count("\n") + 1


def test_a_built_in_is_offered_to_a_model_and_is_no_tool_step() -> None:
    offered = (
        FLOW.replace("start: bye", "start: menu")
        + """\
  menu: {say: Hello., listen: {tools: [probe]}}
"""
    )
    step = FLOW + "  menu: {tool: probe, next: bye}\n"
    built_in = "{description: End., builtin: hang_up}"
    assert load_flow(offered % built_in, environment={}).steps["menu"]
    with pytest.raises(FlowInvalid, match="or offer the tool under listen.tools"):
        load_flow(step % built_in, environment={})


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ("[prob]", "did you mean 'probe'?"),
        ("{probe: {goto: nowhere}}", "there is no step 'nowhere'"),
        ("{probe: {after: continue}}", "goto says to which"),
        ("{probe: {after: silent, goto: bye}}", "goto says to which"),
        ("{probe: {arguments: {nam: x}}}", "takes no argument 'nam'; did you mean 'name'?"),
        ("{probe: {arguments: {name: '{{ who }}'}}}", "nothing ever sets the variable 'who'"),
        ("{probe: {say: Wait.}}", "unknown key 'say'"),
    ],
)
def test_a_mistake_in_an_offer_is_named(offer: str, said: str) -> None:
    text = FLOW + "  menu: {say: Hello., listen: {tools: %s}}\n"
    tool = (
        "{description: X., parameters: {type: object, properties: {name: {type: string}}},"
        " mcp: {server: books, tool: find}}"
    )
    with pytest.raises(FlowInvalid) as caught:
        load_flow(text % (tool, offer), environment={})
    assert said in str(caught.value)


def test_a_tool_whose_arguments_only_its_server_knows_cannot_be_offered() -> None:
    text = FLOW + "  menu: {say: Hello., listen: {tools: [probe]}}\n"
    with pytest.raises(FlowInvalid, match="write its parameters to offer it"):
        load_flow(text % "{description: X., mcp: {server: books, tool: find}}", environment={})
