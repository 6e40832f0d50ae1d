"""A private PostgreSQL: its own cluster in a temporary directory, on a unix socket only.

PostgreSQL refuses to run as root; then it runs as the system user ``postgres``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class PrivatePostgres:
    """A running cluster; ``url(name)`` is a database in it, for SQLAlchemy's asyncpg."""

    def __init__(self, binaries: Path, home: Path, run_as: str | None) -> None:
        self._binaries = binaries
        self._home = home
        self._run_as = run_as

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self._home}"

    def create(self, name: str, *, template: str = "template0") -> str:
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return self.run(
            [*command, "-h", str(self._home), "-U", "postgres", "-d", database], stdin=statement
        )

    def start(self) -> None:
        # Nothing here survives the test, so nothing waits for the disk.
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self._home}"
            " -c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB"
        )
        self.run(
            [
                "pg_ctl",
                "-D",
                f"{self._home}/data",
                "-l",
                f"{self._home}/log",
                "-w",
                "-t",
                "30",
                "-o",
                options,
                "start",
            ]
        )

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return int((self._home / "data" / "postmaster.pid").read_text().split()[0])

    def stop(self, mode: str = "fast") -> None:
        self.run(["pg_ctl", "-D", f"{self._home}/data", "-m", mode, "-w", "-t", "30", "stop"])

    def initialise(self) -> None:
        self.run(
            [
                "initdb",
                "-D",
                f"{self._home}/data",
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]
        )

    def run(self, command: Sequence[str], stdin: str | None = None) -> str:
        argv = [str(self._binaries / command[0]), *command[1:]]
        done = subprocess.run(
            argv,
            user=self._run_as,
            cwd=self._home,
            input=stdin,
            text=True,
            timeout=60,
            # pg_ctl's child keeps a pipe open for as long as it runs.
            stdout=subprocess.PIPE if command[0] == "psql" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if command[0] in ("psql", "initdb") else subprocess.DEVNULL,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {(done.stderr or '').strip()}")
        return done.stdout or ""


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """Start a cluster and end it; skips with a reason where PostgreSQL is not installed."""
    if not _FOLDERS:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql-15)")
    run_as: str | None = None
    # Not tmp_path: a socket's path must be short, and the server's user must reach it.
    home = Path(tempfile.mkdtemp(prefix="tlpg-"))
    try:
        if os.geteuid() == 0:
            run_as = "postgres"
            os.chown(home, pwd.getpwnam(run_as).pw_uid, -1)
        cluster = PrivatePostgres(_FOLDERS[0], home, run_as)
        cluster.initialise()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)
