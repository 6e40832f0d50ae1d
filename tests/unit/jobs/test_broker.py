"""How Celery is told where Redis is."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.jobs.broker import broker_url
from trunkline.runtime.settings import Settings


@pytest.mark.parametrize(
    "url", ["redis://cache.example:6380/2", "rediss://:hush@cache.example:6380/0"]
)
def test_a_redis_on_the_network_is_named_as_it_is(url: str) -> None:
    assert broker_url(url) == url


def test_the_private_redis_is_reached_by_its_socket(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert broker_url(settings.resolved_redis_url) == f"redis+socket://{settings.redis_socket}"
