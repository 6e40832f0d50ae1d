from __future__ import annotations

import pytest

from trunkline.model.mcp.catalog import allowed, needs_approval, offer
from trunkline.model.mcp.rails import AddressPolicy, read_networks
from trunkline.realtime.mcp_items import McpListedTool
from trunkline.realtime.tools import McpTool, NamedMcp


@pytest.mark.parametrize(
    ("address", "client", "networks", "is_admitted"),
    [
        ("93.184.216.34", "", "", True),
        ("127.0.0.1", "127.0.0.1", "", True),
        ("127.0.0.1", "203.0.113.7", "", False),
        ("127.0.0.1", "", "", False),
        ("10.0.0.7", "10.0.0.7", "", True),
        ("10.0.0.7", "10.0.0.8", "", False),
        ("10.0.0.7", "", "10.0.0.0/24", True),
        ("169.254.169.254", "169.254.169.254", "169.254.0.0/16", False),
        ("::ffff:127.0.0.1", "203.0.113.7", "", False),
        ("0.0.0.0", "127.0.0.1", "", False),
    ],
)
def test_only_public_own_and_named_addresses_are_dialled(
    address: str, client: str, networks: str, is_admitted: bool
) -> None:
    assert AddressPolicy(client, read_networks(networks)).admits(address) is is_admitted


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
