"""``trunkline guard``: train the guard's classifier, and ask what the guard says of a text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trunkline.flows.guard.pack import Packs
    from trunkline.flows.guard.training import Quality

_OWN = click.option(
    "--packs",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with policy packs of your own (*.yaml), beside the shipped ones.",
)
_WEIGHTS = click.option(
    "--weights",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of the weights; the shipped one if not given.",
)


@click.group()
def guard() -> None:
    """Guardrails: what callers ask and agents say, judged."""


@guard.command("train")
@_OWN
@_WEIGHTS
@click.option("--dry-run", is_flag=True, help="Train and measure, and write nothing.")
def train_command(folder: Path | None, weights: Path | None, dry_run: bool) -> None:
    """Train the classifier on the packs' examples, measure it, and write its weights.

    The table tells what patterns and classifier find of templates held out of the training.
    """
    from dataclasses import replace

    from trunkline.flows.guard import training

    began = time.monotonic()
    packs = _packs(folder)
    lesson = training.Lesson.of(packs)
    classifier, judged = lesson.learnt(), lesson.held_out()
    thresholds = training.choose_thresholds(classifier, judged)
    classifier = replace(classifier, thresholds=thresholds)
    for line in _table(training.qualities(packs, classifier, judged)):
        click.echo(line)
    click.echo(
        f"{len(judged)} sentences, {len(classifier.places)} features, "
        f"{time.monotonic() - began:.0f} s"
    )
    if dry_run:
        return
    path = weights or Path(str(resources.files("trunkline.flows.guard") / "weights.npz"))
    classifier.save(path, packs)
    click.echo(f"{path}: {path.stat().st_size // 1024} KiB")


@guard.command("check")
@click.argument("text")
@click.option("--side", type=click.Choice(["input", "output"]), default="input", show_default=True)
@_OWN
@_WEIGHTS
def check_command(text: str, side: str, folder: Path | None, weights: Path | None) -> None:
    """Print what the guard says of TEXT; the status is 1 when it would be blocked."""
    from trunkline.flows.guard.classifier import load_classifier, shipped_classifier
    from trunkline.flows.guard.pack import Side
    from trunkline.flows.guard.verdict import Guard

    packs = _packs(folder)
    classifier = load_classifier(weights, packs) if weights else shipped_classifier(packs)
    verdict = Guard(packs, classifier).judge(text, Side(side))
    for one in verdict.findings:
        click.echo(f"{one.category}: {one.response.verb} (by {one.by}, {one.score:.2f})")
        if one.response.line:
            click.echo(f"  says: {one.response.line}")
    if verdict.text != text:
        click.echo(f"kept as: {verdict.text}")
    if not verdict.findings:
        click.echo("nothing found")
    if verdict.is_blocked:
        raise SystemExit(1)


def _packs(folder: Path | None) -> Packs:
    from trunkline.flows.guard.pack import shipped_packs

    own = sorted(folder.glob("*.yaml")) if folder else []
    return shipped_packs({f"{one.parent.name}/{one.name}": one.read_text("utf-8") for one in own})


def _table(qualities: Sequence[Quality]) -> Iterator[str]:
    yield (
        f"{'category':18}{'side':8}{'sentences':>10}{'precision':>11}{'recall':>8}{'F1':>7}"
        f"{'false blocks':>18}"
    )
    for one in qualities:
        yield (
            f"{one.category or 'any':18}{one.side or 'both':8}{one.found + one.missed:>10}"
            f"{one.precision:>11.3f}{one.recall:>8.3f}{one.f1:>7.3f}"
            f"{one.false:>8}/{one.fine:<5}{one.false_rate:>5.1%}"
        )
