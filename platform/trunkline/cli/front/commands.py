"""``trunkline front``: the SIP front of several edges."""

from __future__ import annotations

from pathlib import Path

import click

from trunkline.cli.front.config import CONFIG_FILE, kamailio_config
from trunkline.cli.front.plan import front_plan
from trunkline.cli.front.program import become_front, front_folder, write_files
from trunkline.runtime.settings import load_settings


@click.group()
def front() -> None:
    """The one SIP port in front of several edges (Kamailio)."""


@front.command()
def run() -> None:
    """Write the configuration from the settings and serve, until SIGTERM."""
    become_front(load_settings())


@front.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
def config(folder: Path | None) -> None:
    """Print Kamailio's configuration, or write it and the list of edges to FOLDER."""
    settings = load_settings()
    plan = front_plan(settings)
    if folder is None:
        click.echo(kamailio_config(plan, front_folder(settings)), nl=False)
        return
    write_files(plan, folder.resolve())
    click.echo(f"kamailio -f {folder.resolve() / CONFIG_FILE} -DD -E")
