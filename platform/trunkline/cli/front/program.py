"""The Kamailio program: found, checked, and become."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from trunkline.cli.front.config import CONFIG_FILE, LIST_FILE, dispatcher_list, kamailio_config
from trunkline.cli.front.plan import FrontPlan, front_plan
from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings

# Debian puts it where a plain user's PATH does not look.
_ELSEWHERE: Final = "/usr/sbin:/usr/local/sbin"
_SHARED_MB: Final = 64
_PRIVATE_MB: Final = 8
_CHECK_DEADLINE_S: Final = 20


def kamailio_program() -> str:
    """ConfigError names the package when it is not installed."""
    found = shutil.which("kamailio") or shutil.which("kamailio", path=_ELSEWHERE)
    if found is None:
        raise ConfigError(
            "kamailio is not installed; several edges need it as their front: install the Debian"
            " package kamailio, or leave TRUNKLINE_EDGES at 1"
        )
    return found


def write_files(plan: FrontPlan, folder: Path) -> None:
    """The configuration and the list of edges; nobody else may read or write them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in (
        (CONFIG_FILE, kamailio_config(plan, folder)),
        (LIST_FILE, dispatcher_list(plan)),
    ):
        (folder / name).write_text(text)


def front_folder(settings: Settings) -> Path:
    return (settings.data_dir / "front").resolve()


def command_line(program: str, folder: Path) -> tuple[str, ...]:
    return (
        *(program, "-f", str(folder / CONFIG_FILE), "-DD", "-E"),
        *("-m", str(_SHARED_MB), "-M", str(_PRIVATE_MB)),
        *("-w", str(folder), "-Y", str(folder / "run"), "-P", str(folder / "run" / "pid")),
    )


def check(program: str, plan: FrontPlan, folder: Path) -> None:
    """Have Kamailio read its configuration; ConfigError with what it has against it."""
    done = subprocess.run(
        [program, "-f", str(folder / CONFIG_FILE), "-E", "-c"],
        capture_output=True,
        text=True,
        timeout=_CHECK_DEADLINE_S,
        check=False,
    )
    if done.returncode == 0:
        return
    if plan.tls is not None and "tls.so" in done.stderr:
        raise ConfigError(
            "SIP over TLS at the front needs Kamailio's tls module: install the Debian package"
            " kamailio-tls-modules"
        )
    raise ConfigError(f"Kamailio does not take its configuration: {done.stderr.strip()[-600:]}")


def become_front(settings: Settings) -> None:
    """Turn this process into the front; returns only by an exception."""
    program = kamailio_program()
    plan, folder = front_plan(settings), front_folder(settings)
    write_files(plan, folder)
    (folder / "run").mkdir(exist_ok=True, mode=0o700)
    check(program, plan, folder)
    os.execv(program, command_line(program, folder))
