"""The catalog keeps serving what worked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.domain.errors import NotFound
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog, catalog_from
from trunkline.flows.tools import HttpTransport
from trunkline.runtime.settings import Settings

BROKEN = changed(("next: menu\n", "next: menue\n"))


@pytest.fixture
def logs() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def write(path: Path, text: str) -> None:
    """As an editor does it: a new file takes the old one's name."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


@pytest.fixture
def catalog(tmp_path: Path) -> FlowCatalog:
    write(tmp_path / "library.yaml", LIBRARY)
    catalog = FlowCatalog([tmp_path], {})
    catalog.load()
    return catalog


def test_flows_are_found_by_agent_name(catalog: FlowCatalog) -> None:
    assert catalog.get("library").agent.display_name == "Hill Street Library"
    assert [flow.agent.name for flow in catalog.flows()] == ["library"]
    with pytest.raises(NotFound, match=r"'energy'.*there are: library"):
        catalog.get("energy")


def test_a_changed_file_serves_the_next_call(catalog: FlowCatalog, tmp_path: Path) -> None:
    before = catalog.get("library")
    write(tmp_path / "library.yaml", changed(("How can I help?", "What can I do?")))
    catalog.load()
    after = catalog.get("library")
    assert after.version != before.version
    assert "What can I do?" in after.fixed_lines()
    assert "How can I help?" in before.fixed_lines()


def test_a_broken_file_leaves_the_old_version_serving_and_says_why(
    catalog: FlowCatalog, tmp_path: Path, logs: list[structlog.typing.EventDict]
) -> None:
    before = catalog.get("library")
    write(tmp_path / "library.yaml", BROKEN)
    catalog.load()
    assert catalog.get("library") is before
    (complaints,) = catalog.complaints.values()
    line = BROKEN[: BROKEN.index("next: menue")].count("\n") + 1
    assert [complaint.line for complaint in complaints] == [line]
    refused = [entry for entry in logs if entry["event"] == "flow_refused"]
    assert [entry["line"] for entry in refused] == [line]
    assert refused[0]["still_serving"] == before.version
    write(tmp_path / "library.yaml", LIBRARY)
    catalog.load()
    assert catalog.complaints == {}


def test_a_file_that_was_never_good_serves_nothing_and_hurts_no_other(
    catalog: FlowCatalog, tmp_path: Path
) -> None:
    write(tmp_path / "bad.yaml", "agent: {name: bad}")
    (tmp_path / "worse.yaml").write_bytes(b"\xff\xfe\x00")
    catalog.load()
    assert [flow.agent.name for flow in catalog.flows()] == ["library"]
    assert {Path(name).name for name in catalog.complaints} == {"bad.yaml", "worse.yaml"}


def test_a_removed_file_no_longer_serves(catalog: FlowCatalog, tmp_path: Path) -> None:
    (tmp_path / "library.yaml").unlink()
    catalog.load()
    assert catalog.flows() == ()


def test_an_unchanged_file_is_not_read_again(
    catalog: FlowCatalog, logs: list[structlog.typing.EventDict]
) -> None:
    before = catalog.get("library")
    catalog.load()
    assert catalog.get("library") is before
    assert logs == []


def test_a_later_directory_hides_the_shipped_agent(tmp_path: Path) -> None:
    own = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    write(tmp_path / "energy.yaml", own.replace("Brightwater Energy", "Our Own Energy"))
    settings = Settings(agents_dir=tmp_path, web_port=9000)
    catalog = catalog_from(settings, {})
    catalog.load()
    flow = catalog.get("energy")
    assert flow.agent.display_name == "Our Own Energy"
    assert flow.variables["sample_service_url"] == "http://127.0.0.1:9003"
    transport = flow.tools["get_hours"].transport
    assert isinstance(transport, HttpTransport)
    assert transport.allowed_hosts == ("http://127.0.0.1:9003",)


def test_a_missing_directory_is_no_reason_to_stop(tmp_path: Path) -> None:
    catalog = FlowCatalog([tmp_path / "none", SHIPPED_AGENTS], {})
    catalog.load()
    assert catalog.get("energy").version


async def test_the_watch_takes_up_a_change(catalog: FlowCatalog, tmp_path: Path) -> None:
    before = catalog.get("library").version
    async with asyncio.timeout(10):
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(catalog.watch(interval_s=0.01))
            write(tmp_path / "library.yaml", LIBRARY + "# edited\n")
            os.utime(tmp_path / "library.yaml")
            while catalog.get("library").version == before:
                await asyncio.sleep(0.005)
            watch.cancel()
