"""Which flow serves: files, publications over them, and a database that goes away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.calls.flow_texts import NEEDS_ENVIRONMENT, shop

from trunkline.calls.flow_editor import FlowEditor
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import NotFound
from trunkline.flows.catalog import FlowCatalog
from trunkline.flows.schema.loader import flow_version
from trunkline.storage.engine import Sessions, open_sessions


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "agents"
    directory.mkdir()
    (directory / "kiosk.yaml").write_text(shop("Hello from a file."))
    return directory


def shelf_of(files: Path, sessions: Sessions | None, copy: Path | None = None) -> FlowShelf:
    return FlowShelf(FlowCatalog([files], {}), sessions, copy=copy)


async def publish(sessions: Sessions, text: str, **environment: str) -> str:
    flows = FlowEditor(sessions, SystemClock(), environment)
    await flows.save_draft("kiosk", text, "ann", based_on=None)
    await flows.publish("kiosk", "ann")
    return flow_version(text)


def away() -> Sessions:
    """A database that nobody serves."""
    return open_sessions("postgresql+asyncpg://nobody@/none?host=/nowhere/at/all")


async def test_a_file_serves_until_something_is_published_and_after_it_is_withdrawn(
    files: Path, sessions: Sessions
) -> None:
    shelf = shelf_of(files, sessions)
    await shelf.start()
    assert shelf.take("kiosk", "call_1").version == flow_version(shop("Hello from a file."))
    version = await publish(sessions, shop("Hello."))
    await shelf.look()
    assert shelf.take("kiosk", "call_1").version == version
    await FlowEditor(sessions, SystemClock(), {}).withdraw("kiosk", "ann")
    await shelf.look()
    assert shelf.take("kiosk", "call_1").version == flow_version(shop("Hello from a file."))


async def test_a_call_keeps_all_its_agents_as_they_were(files: Path, sessions: Sessions) -> None:
    (files / "bank.yaml").write_text(shop("The bank.", agent="bank"))
    shelf = shelf_of(files, sessions)
    await shelf.start()
    held = shelf.hold("call_1")
    before = held.take("kiosk"), held.take("bank")
    version = await publish(sessions, shop("Hello."))
    (files / "bank.yaml").write_text(shop("Another bank.", agent="bank"))
    await shelf.start()
    assert (held.take("kiosk"), held.take("bank")) == before
    later = shelf.hold("call_2")
    assert later.take("kiosk").version == version
    assert later.take("bank").version == flow_version(shop("Another bank.", agent="bank"))


async def test_a_publication_is_taken_up_by_a_running_shelf(
    files: Path, sessions: Sessions
) -> None:
    shelf = shelf_of(files, sessions)
    await shelf.start()
    running = asyncio.create_task(shelf.run())
    version = await publish(sessions, shop("Hello."))
    async with asyncio.timeout(20):
        while shelf.take("kiosk", "call_1").version != version:
            await asyncio.sleep(0.01)
    running.cancel()


async def test_a_canary_serves_its_share_and_its_lines_are_wanted(
    files: Path, sessions: Sessions
) -> None:
    stable = await publish(sessions, shop("Hello."))
    flows = FlowEditor(sessions, SystemClock(), {})
    await flows.save_draft("kiosk", shop("Hi."), "ann", based_on=None)
    await flows.set_canary("kiosk", 25, "ann")
    shelf = shelf_of(files, sessions)
    await shelf.start()
    taken = [shelf.take("kiosk", f"call_{number}").version for number in range(400)]
    assert 60 <= taken.count(flow_version(shop("Hi."))) <= 140
    assert {flow.version for flow in shelf.flows()} == {stable, flow_version(shop("Hi."))}
    await flows.stop_canary("kiosk", "ann")
    await shelf.look()
    assert {flow.version for flow in shelf.flows()} == {stable}


async def test_while_the_database_is_away_the_last_publication_serves(
    files: Path, sessions: Sessions
) -> None:
    shelf = shelf_of(files, sessions)
    version = await publish(sessions, shop("Hello."))
    await shelf.start()
    shelf._sessions = away()
    assert not await shelf.look() and shelf.is_away
    assert shelf.take("kiosk", "call_1").version == version
    shelf._sessions = sessions
    assert await shelf.look() and not shelf.is_away


async def test_a_process_that_starts_without_its_database_serves_from_the_copy(
    files: Path, sessions: Sessions, tmp_path: Path
) -> None:
    copy = tmp_path / "flows" / "published.json"
    version = await publish(sessions, shop("Hello."))
    await shelf_of(files, sessions, copy).start()
    assert copy.stat().st_mode & 0o777 == 0o600
    late = shelf_of(files, away(), copy)
    await late.start()
    assert late.take("kiosk", "call_1").version == version and late.is_away
    newer = await publish(sessions, shop("Hi."))
    late._sessions = sessions
    await late.look()
    assert late.take("kiosk", "call_1").version == newer


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1}', b"\xff"])
async def test_a_damaged_copy_leaves_the_files_to_serve(
    files: Path, tmp_path: Path, content: bytes
) -> None:
    copy = tmp_path / "published.json"
    copy.write_bytes(content)
    shelf = shelf_of(files, away(), copy)
    await shelf.start()
    assert shelf.take("kiosk", "call_1").version == flow_version(shop("Hello from a file."))


async def test_a_copy_that_cannot_be_written_costs_no_call(
    files: Path, sessions: Sessions, tmp_path: Path
) -> None:
    (tmp_path / "flat").write_text("not a directory")
    version = await publish(sessions, shop("Hello."))
    shelf = shelf_of(files, sessions, tmp_path / "flat" / "published.json")
    await shelf.start()
    assert shelf.take("kiosk", "call_1").version == version


async def test_a_publication_that_does_not_load_here_changes_nothing(
    files: Path, sessions: Sessions
) -> None:
    shelf = shelf_of(files, sessions)
    version = await publish(sessions, shop("Hello."))
    await shelf.start()
    refused = await publish(sessions, NEEDS_ENVIRONMENT, SHOP_PLACE="Main Street")
    await shelf.look()
    assert shelf.take("kiosk", "call_1").version == version
    (complaint,) = shelf.complaints[f"kiosk {refused}"]
    assert complaint.line == 4 and "SHOP_PLACE" in complaint.message
    mended = await publish(sessions, shop("Hi."))
    await shelf.look()
    assert shelf.take("kiosk", "call_1").version == mended and shelf.complaints == {}


async def test_an_agent_nobody_wrote_is_not_found(files: Path) -> None:
    shelf = shelf_of(files, None)
    await shelf.start()
    with pytest.raises(NotFound, match="kiosk"):
        shelf.take("bank", "call_1")
