#!/usr/bin/env python3
"""Pins what pyproject.toml asks for: writes requirements/serve.txt and requirements/dev.txt.

pip resolves; only names and versions are kept, so that the files name no host and suit any mirror.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Made by `make lock` from pyproject.toml: complete, installed with --no-deps.\n"


def resolve(requirements: list[str]) -> dict[str, str]:
    """The versions pip would install for ``requirements`` into an empty environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    command += ["--dry-run", "--ignore-installed", "--report", "-", *requirements]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in report["install"]}
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    # setup.sh installs the project without build isolation: its build tools are pinned too.
    # hatchling needs `editables` for an editable install only, so it does not ask for it here.
    build = [*project["build-system"]["requires"], "editables"]
    # redis asks for async-timeout below Python 3.11.3 only: Debian 12 has 3.11.2.
    serve = [*project["project"]["dependencies"], *build, "async-timeout"]
    dev = [*serve, *project["project"]["optional-dependencies"]["dev"]]
    everything = resolve(dev)
    # The same versions in both files: a served installation is a part of the tested one.
    served = {name: everything[name] for name in resolve(serve)}
    for name, pins in (("serve", served), ("dev", everything)):
        lines = "".join(f"{package}=={version}\n" for package, version in pins.items())
        (ROOT / "requirements" / f"{name}.txt").write_text(HEAD + lines)


if __name__ == "__main__":
    main()
