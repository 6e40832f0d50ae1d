"""``trunkline flow dry-run``: what a tool would send, with its secrets masked; nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson


@click.command("dry-run")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("tool")
@click.option("--arguments", "text", default="{}", help="The tool's arguments, a JSON object.")
def dry_run_command(file: Path, tool: str, text: str) -> None:
    """Check ARGUMENTS against TOOL of the flow in FILE and show the request it would make."""
    from trunkline.flows.schema.loader import FlowInvalid, load_flow
    from trunkline.flows.tool_dry_run import describe_run
    from trunkline.flows.tool_runner import ToolContext
    from trunkline.flows.tools import ToolFault

    try:
        arguments = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise click.BadParameter(f"not JSON: {exc}", param_hint="--arguments") from None
    if not isinstance(arguments, dict):
        raise click.BadParameter("not a JSON object", param_hint="--arguments")
    try:
        flow = load_flow(file.read_text(encoding="utf-8"), environment=os.environ, name=file.name)
    except FlowInvalid as exc:
        raise click.ClickException(str(exc)) from None
    spec = flow.tools.get(tool)
    if spec is None:
        there = ", ".join(sorted(flow.tools)) or "none"
        raise click.BadParameter(f"the flow has no tool {tool!r}; there are: {there}")
    try:
        shown = describe_run(spec, arguments, ToolContext("dry-run", "dry-run", flow.variables))
    except ToolFault as fault:
        shown = fault.error.as_json()
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        raise SystemExit(1) from None
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2, default=str).decode())
