"""The limit of open files: a call takes two sockets."""

from __future__ import annotations

import resource


def raise_open_files() -> None:
    """Two sockets a call: the soft limit of open files goes up to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
