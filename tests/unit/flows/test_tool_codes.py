"""The table of codes against the code that gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import trunkline.calls.tool_calls
import trunkline.flows.tools
from trunkline.flows.tool_codes import HTTP_CODES, MCP_CODES, PYTHON_CODES

SOURCES = [
    *sorted(Path(trunkline.flows.tools.__file__).parent.glob("tool_*.py")),
    Path(trunkline.calls.tool_calls.__file__),
]
KNOWN = HTTP_CODES | MCP_CODES | PYTHON_CODES


def codes_in(source: Path) -> Iterator[str]:
    """The first argument of every ToolError that is made with a literal."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id != "ToolError" or not isinstance(node.args[0], ast.Constant):
            continue
        if isinstance(code := node.args[0].value, str):
            yield code


def test_every_code_that_is_given_is_in_the_table_and_the_other_way_round() -> None:
    given = {code for source in SOURCES for code in codes_in(source)}
    assert given <= KNOWN
    # Two are the runner's own words for a result without a code, and for a call that went on.
    assert KNOWN - given == {"failed", "abandoned"}
