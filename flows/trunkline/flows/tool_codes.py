"""Every code that a tool's run can fail with of itself, by what the tool is."""

from __future__ import annotations

from typing import Final

from trunkline.flows.tools import HttpTransport, McpTransport, PythonTransport, Transport

_ANY_RUN: Final = frozenset(
    {
        "invalid_arguments", "timed_out", "too_busy", "breaker_open", "bad_answer",
        "answer_too_large", "unknown_tool", "internal", "failed", "call_ended", "abandoned",
    }
)  # fmt: skip
_ANY_REQUEST: Final = frozenset({"bad_template", "unreachable", "address_refused", "no_secrets"})
HTTP_CODES: Final = _ANY_RUN | _ANY_REQUEST | {"redirect_refused"}
MCP_CODES: Final = _ANY_RUN | _ANY_REQUEST | {"schema_mismatch", "tool_error", "command_refused"}
PYTHON_CODES: Final = _ANY_RUN | {"tool_raised"}
"""And whatever a function gives as the code of its ToolRefused."""


def run_codes(transport: Transport) -> frozenset[str]:
    """Without those that a flow declares itself, and without ``http_…``."""
    match transport:
        case HttpTransport():
            return HTTP_CODES
        case McpTransport():
            return MCP_CODES
        case PythonTransport():
            return PYTHON_CODES
        case _:  # a built-in, which no service can fail
            return frozenset()
