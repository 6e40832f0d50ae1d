"""What a long run may be told: from which seed, and how much of it."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--seed", type=int, default=1, help="of a storm (default 1)")
    group.addoption(
        "--approvals", type=int, default=10_000, help="how many the storm has (default 10,000)"
    )
    group.addoption("--minutes", type=float, default=0.0, help="a storm asks nothing after")
    group.addoption("--calls", type=int, default=200, help="how many the storm of calls has")
    group.addoption("--at-once", type=int, default=20, help="of those calls (default 20)")
