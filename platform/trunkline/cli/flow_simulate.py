"""``trunkline flow simulate``: scripted callers against the flows, and whether all went well."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trunkline.cli.simulate.suite import Suite


@click.command("simulate")
@click.argument("names", nargs=-1, metavar="[FILES|NAMES]...")
@click.option("--agent", help="Only this agent's simulations.")
@click.option(
    "--agents-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory with more flows, as TRUNKLINE_AGENTS_DIR names it.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write JUnit XML for CI to this file, too.",
)
@click.option("--coverage", is_flag=True, help="Tell every step and route no simulation took.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail when an agent's simulations come to less of its steps and routes.",
)
@click.option("--audio", is_flag=True, help="Hold them as real SIP calls with synthesised callers.")
@click.option("--seed", type=click.IntRange(0, 2**31), help="Instead of the files' own, in audio.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 16),
    help="Audio calls side by side; one a core and one more by default.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave recordings and event logs of audio calls in this directory.",
)
@click.option("--verbose", is_flag=True, help="Show the transcript of every call.")
def simulate(
    names: tuple[str, ...],
    agent: str | None,
    agents_dir: Path | None,
    as_json: bool,
    junit: Path | None,
    coverage: bool,
    min_coverage: float | None,
    audio: bool,
    seed: int | None,
    at_once: int | None,
    keep: Path | None,
    verbose: bool,
) -> None:
    """Hold simulated calls: FILES, directories, or NAMES of shipped ones; all of those by default.

    Exits 0 when every expectation was met, 1 when one was not or too little is covered, 2 when a
    file has mistakes.
    """
    from trunkline.cli.simulate.report import to_json, to_junit, to_text
    from trunkline.cli.simulate.suite import SHIPPED_SIMULATIONS, named, run_suite
    from trunkline.runtime.logging import configure_logging

    configure_logging("simulate", level="critical", log_format="json", show_pii=False)
    began = time.monotonic()
    paths = named(names)
    if agent and not paths:
        paths = [SHIPPED_SIMULATIONS / agent]
    if audio:
        suite = _in_audio(paths, agents_dir, seed, at_once, keep)
    elif seed is not None or at_once is not None or keep is not None:
        raise click.UsageError("--seed, --at-once and --keep belong to --audio")
    else:
        suite = run_suite(paths, agents_dir, processes=os.cpu_count() or 1)
    if junit is not None:
        junit.write_bytes(to_junit(suite.results))
    if as_json:
        click.echo(to_json(suite.results, suite.flows))
    else:
        text = to_text(
            suite.results,
            suite.flows,
            verbose=verbose,
            tells_coverage=coverage,
            took_s=time.monotonic() - began,
        )
        click.echo(text)
    is_covered = min_coverage is None or _is_covered(suite, min_coverage)
    sys.exit(0 if suite.has_passed and is_covered else 1)


def _is_covered(suite: Suite, percent: float) -> bool:
    from trunkline.cli.simulate.coverage import coverage_of

    wanting = [
        one for one in coverage_of(suite.results, suite.flows).values() if one.percent < percent
    ]
    for one in wanting:
        message = f"{one.agent}: {one.percent:.1f} % covered, {percent:g} % wanted"
        click.echo(message, err=True)
    return not wanting


def _in_audio(
    paths: list[Path],
    agents_dir: Path | None,
    seed: int | None,
    at_once: int | None,
    keep: Path | None,
) -> Suite:
    from trunkline.cli.simulate.audio_run import AudioOptions, calls_at_once
    from trunkline.cli.simulate.suite import run_audio_suite
    from trunkline.runtime.settings import load_settings

    settings = load_settings()
    options = AudioOptions(seed, at_once or calls_at_once(), keep)
    return run_audio_suite(paths, settings, options, agents_dir or settings.agents_dir)


@click.command("simulation-from-call")
@click.argument("call")
@click.option("--title", help="What the simulation is called.")
@click.option("--keep-digits", is_flag=True, help="Keep the caller's digits, number and arguments.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it here.")
def simulation_from_call(
    call: str, title: str | None, keep_digits: bool, output: Path | None
) -> None:
    """Turn CALL, a call's id or the path of its event log, into a simulation.

    Without --keep-digits every digit becomes another one: what is left shows the way the call took,
    and usually needs an account of the simulation's own.
    """
    import orjson

    from trunkline.cli.simulate.from_call import simulation_from
    from trunkline.cli.simulate.observed import observe
    from trunkline.domain.errors import NotFound
    from trunkline.runtime.settings import load_settings

    path = Path(call)
    if not path.is_file():
        found = load_settings().recordings_dir.glob(f"*/*/*/{path.name}.jsonl")
        logs = sorted(found)
        if not logs:
            raise NotFound(f"there is no event log of a call {path.name} in the data directory")
        path = logs[0]
    lines = path.read_bytes().splitlines()
    seen = observe(orjson.loads(line) for line in lines if line.endswith(b"}"))
    text = simulation_from(seen, title or f"Call {path.stem}", keeps_digits=keep_digits)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
