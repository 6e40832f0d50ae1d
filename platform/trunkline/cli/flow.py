"""``trunkline flow``: what can be done with a flow before a caller meets it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from trunkline.cli.flow_simulate import simulate, simulation_from_call
from trunkline.cli.flow_tools import dry_run_command
from trunkline.cli.flow_versions import COMMANDS as VERSION_COMMANDS
from trunkline.flows.tool_python import import_tool_modules
from trunkline.runtime.settings import load_settings

CLEAN: Final = 0
FAULTY: Final = 1
UNREADABLE: Final = 2
_SUFFIXES: Final = frozenset({".yaml", ".yml"})


@click.group()
def flow() -> None:
    """Check, draw and try flows."""
    import_tool_modules(load_settings().tool_modules)


flow.add_command(dry_run_command)
for command in VERSION_COMMANDS:
    flow.add_command(command)
flow.add_command(simulate)
flow.add_command(simulation_from_call)


@flow.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "wants_json", is_flag=True, help="Report as JSON.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
def check_command(files: tuple[Path, ...], wants_json: bool, strict: bool) -> None:
    """Look at every way a call can take in each of FILES (or directories of them).

    Exits 0 when nothing is wrong, 1 when a flow has errors, 2 when a file cannot be read.
    """
    from trunkline.cli.flow_report import agents_beside, as_values, examine, lines_of
    from trunkline.cli.records import as_json

    found = flow_files(files)
    beside = [path for folder in {path.parent for path in found} for path in flow_files([folder])]
    if own := load_settings().agents_dir:
        beside += flow_files([own])
    agents = agents_beside((*found, *beside))
    reports = [examine(path, os.environ, agents) for path in found]
    if wants_json:
        click.echo(as_json([as_values(report) for report in reports]))
    else:
        for report in reports:
            click.echo("\n".join(lines_of(report)))
    if any(report.problem for report in reports):
        sys.exit(UNREADABLE)
    is_faulty = any(finding.is_error or strict for report in reports for finding in report.findings)
    sys.exit(FAULTY if is_faulty else CLEAN)


@flow.command("draw")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The SVG; else to stdout.")
@click.option("--check", "marks", is_flag=True, help="Mark the steps that have findings.")
def draw_command(file: Path, output: Path | None, marks: bool) -> None:
    """Draw the flow in FILE as SVG: steps in layers, and what leads from one to the next.

    Exits 1 when the flow does not load, 2 when the file cannot be read or written.
    """
    from trunkline.cli.flow_report import draw, examine, lines_of

    report = examine(file, os.environ)
    if report.flow is None:
        click.echo("\n".join(lines_of(report)), err=True)
        sys.exit(UNREADABLE if report.problem else FAULTY)
    picture = draw(report, marks=marks)
    if output is None:
        click.echo(picture, nl=False)
        return
    try:
        output.write_text(picture, encoding="utf-8")
    except OSError as exc:
        click.echo(f"{output}: cannot be written: {exc.strerror or exc}", err=True)
        sys.exit(UNREADABLE)


def flow_files(paths: Iterable[Path]) -> list[Path]:
    """The files as given; a directory stands for the flow files in it."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix in _SUFFIXES)
            found += inside or [path]
        else:
            found.append(path)
    return found
