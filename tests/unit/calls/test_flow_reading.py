"""Texts of flows and what each version changed."""

from __future__ import annotations

import pytest
from tests.unit.calls.flow_texts import shop

from trunkline.calls.flow_editor import FlowEditor
from trunkline.calls.flow_reading import FlowReader
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import NotFound
from trunkline.flows.schema.loader import flow_version
from trunkline.storage.engine import Sessions

FILE = shop("Hello from a file.")


async def publish(sessions: Sessions, *texts: str) -> None:
    flows = FlowEditor(sessions, SystemClock(), {})
    for text in texts:
        await flows.save_draft("kiosk", text, "ann", based_on=None)
        await flows.publish("kiosk", "ann")


async def test_what_serves_is_the_publication_else_the_file(sessions: Sessions) -> None:
    reader = FlowReader(sessions, {"kiosk": FILE}.get)
    assert await reader.text_of("kiosk", "serving") == FILE
    await publish(sessions, shop("Hello."))
    assert await reader.text_of("kiosk", "serving") == shop("Hello.")
    await FlowEditor(sessions, SystemClock(), {}).withdraw("kiosk", "ann")
    assert await reader.text_of("kiosk", "serving") == FILE
    assert await reader.text_of("kiosk", flow_version(shop("Hello."))) == shop("Hello.")


async def test_another_owner_does_not_see_the_installations_files(sessions: Sessions) -> None:
    reader = FlowReader(sessions, {"kiosk": FILE}.get, owner="another")
    with pytest.raises(NotFound) as caught:
        await reader.text_of("kiosk", "serving")
    assert caught.value.code == "agent_not_found"


async def test_every_version_says_what_it_changed_across_pages(sessions: Sessions) -> None:
    longer = shop("Hi.").replace("  bye:", "  # the end\n  bye:")
    await publish(sessions, shop("Hello."), shop("Hi."), longer)
    reader = FlowReader(sessions)
    newest, second = await reader.changes("kiosk", limit=2)
    assert (newest.added, newest.removed, newest.previous) == (1, 0, flow_version(shop("Hi.")))
    assert (second.added, second.removed) == (1, 1)
    (first,) = await reader.changes("kiosk", limit=2, before=second.version.number)
    assert (first.added, first.removed, first.previous) == (5, 0, None)


async def test_an_agent_without_versions_has_changed_nothing(sessions: Sessions) -> None:
    await FlowEditor(sessions, SystemClock(), {}).save_draft("kiosk", FILE, "ann", based_on=0)
    assert await FlowReader(sessions).changes("kiosk", limit=2) == ()
    assert await FlowReader(sessions).changes("nobody", limit=2) == ()
