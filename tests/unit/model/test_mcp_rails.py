from __future__ import annotations

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.model.mcp.catalog import allowed, needs_approval, offer
from trunkline.model.mcp.rails import read_networks
from trunkline.realtime.mcp_items import McpListedTool
from trunkline.realtime.tools import McpTool, NamedMcp


def test_networks_are_read_and_a_bad_one_is_named() -> None:
    assert [str(net) for net in read_networks("10.1.0.0/16, 192.168.7.9")] == [
        "10.1.0.0/16",
        "192.168.7.9/32",
    ]
    with pytest.raises(ConfigError, match="10.1.0.0/99"):
        read_networks("10.1.0.0/99")


def server(**more: object) -> McpTool:
    return McpTool.model_validate(
        {"type": "mcp", "server_label": "s", "server_url": "https://mcp.example/x", **more}
    )


READER = McpListedTool(name="read", input_schema={}, annotations={"readOnlyHint": True})
WRITER = McpListedTool(name="write", input_schema={})


def test_every_call_needs_approval_unless_the_client_said_never() -> None:
    assert needs_approval(server(), WRITER)
    assert not needs_approval(server(require_approval="never"), WRITER)
    filtered = server(require_approval={"never": {"read_only": True}})
    assert (needs_approval(filtered, READER), needs_approval(filtered, WRITER)) == (False, True)


def test_allowed_tools_hide_the_rest_and_a_choice_finds_its_tool() -> None:
    one = server(allowed_tools=["read"])
    listed = allowed(one, (READER, WRITER))
    offered = offer((one,), {"s": listed}, NamedMcp(type="mcp", server_label="s", name="read"))
    assert offered.choice == {"type": "function", "name": "read"}
    assert set(offered.routes) == {"read"}


def test_secrets_of_a_server_are_not_echoed() -> None:
    told = server(authorization="hush", headers={"X-Key": "hush"}).model_dump_json()
    assert "hush" not in told
