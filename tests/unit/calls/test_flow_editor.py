"""Editing and publishing flows, over a real database."""

from __future__ import annotations

import pytest
from tests.unit.calls.flow_texts import BROKEN, NEEDS_ENVIRONMENT, shop

from trunkline.calls.flow_editor import EditConflict, FlowEditor, FlowRefused, Published
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import Conflict, Invalid, NotFound
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import PublicationKind, Slots


def editor(sessions: Sessions, **environment: str) -> FlowEditor:
    return FlowEditor(sessions, SystemClock(), environment)


async def published(sessions: Sessions, greeting: str, by: str = "ann") -> Published:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop(greeting), by, based_on=None)
    return await flows.publish("kiosk", by, note=f"says {greeting}")


async def slots(sessions: Sessions) -> Slots:
    async with sessions.reading() as session:
        return (await FlowRepository(session).agent("kiosk")).slots


async def audited(sessions: Sessions) -> list[tuple[str, str, str]]:
    async with sessions.reading() as session:
        audit = Audit(session)
        assert await audit.first_broken() is None
        return [(one.actor, one.action, one.subject) for one in reversed(await audit.latest())]


async def test_a_draft_is_published_and_everything_is_on_record(sessions: Sessions) -> None:
    done = await published(sessions, "Hello.")
    assert done.version is not None and (done.version.number, done.version.note) == (
        1,
        "says Hello.",
    )
    assert done.publication.kind is PublicationKind.PUBLISHED
    assert await slots(sessions) == Slots(done.version.version)
    assert await audited(sessions) == [
        ("ann", "flow.draft_saved", "kiosk"),
        ("ann", "flow.published", "kiosk"),
    ]


async def test_every_mistake_is_told_with_its_line_and_nothing_is_published(
    sessions: Sessions,
) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", BROKEN, "ann", based_on=0)
    with pytest.raises(FlowRefused) as told:
        await flows.publish("kiosk", "ann")
    assert [(one.line, one.where) for one in told.value.findings if one.is_error][:2] == [
        (4, "steps.hello.next"),
        (4, "steps.hello.say"),
    ] or {one.line for one in told.value.findings} == {4}
    assert await slots(sessions) == Slots()
    assert [action for _, action, _ in await audited(sessions)] == ["flow.draft_saved"]


async def test_a_flow_of_another_agent_is_refused(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello.", agent="bank"), "ann", based_on=0)
    with pytest.raises(FlowRefused) as told:
        await flows.publish("kiosk", "ann")
    assert "not of 'kiosk'" in told.value.findings[0].message


async def test_the_second_editor_is_shown_both_changes(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello."), "ann", based_on=0)
    await flows.save_draft("kiosk", shop("Hello from Bob."), "bob", based_on=1)
    with pytest.raises(EditConflict) as told:
        await flows.save_draft("kiosk", shop("Hello from Ann."), "ann", based_on=1)
    conflict = told.value
    assert (conflict.based_on, conflict.current_revision) == (1, 2)
    assert conflict.current is not None and conflict.current.saved_by == "bob"
    assert [line for line in conflict.diff if line[:1] in "+-" and line[1:2] == " "] == [
        '-  hello: {say: "Hello from Bob.", next: bye}',
        '+  hello: {say: "Hello from Ann.", next: bye}',
    ]
    assert '-  hello: {say: "Hello.", next: bye}' in conflict.meanwhile


async def test_only_the_revision_that_was_looked_at_is_published(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello."), "ann", based_on=0)
    await flows.save_draft("kiosk", shop("Hi."), "bob", based_on=1)
    with pytest.raises(EditConflict):
        await flows.publish("kiosk", "ann", revision=1)
    assert (await flows.publish("kiosk", "ann", revision=2)).publication.by == "ann"


async def test_publishing_what_serves_already_is_said(sessions: Sessions) -> None:
    await published(sessions, "Hello.")
    with pytest.raises(Conflict, match="serves already"):
        await editor(sessions).publish("kiosk", "ann")


async def test_an_earlier_version_comes_back(sessions: Sessions) -> None:
    first = await published(sessions, "Hello.")
    await published(sessions, "Hi.")
    assert first.version is not None
    done = await editor(sessions).restore("kiosk", first.version.version, "bob", note="too curt")
    assert (done.publication.kind, done.publication.note) == (PublicationKind.RESTORED, "too curt")
    assert await slots(sessions) == Slots(first.version.version)
    async with sessions.reading() as session:
        assert len(await FlowRepository(session).versions("kiosk")) == 2
        assert len(await FlowRepository(session).history("kiosk")) == 3


async def test_a_version_that_no_longer_loads_is_not_restored(sessions: Sessions) -> None:
    there = editor(sessions, SHOP_PLACE="Main Street")
    await there.save_draft("kiosk", NEEDS_ENVIRONMENT, "ann", based_on=0)
    done = await there.publish("kiosk", "ann")
    await published(sessions, "Hello.")
    assert done.version is not None
    with pytest.raises(FlowRefused) as told:
        await editor(sessions).restore("kiosk", done.version.version, "ann")
    assert "SHOP_PLACE" in told.value.findings[0].message


async def test_a_canary_is_started_changed_and_promoted(sessions: Sessions) -> None:
    first = await published(sessions, "Hello.")
    assert first.version is not None
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hi."), "ann", based_on=None)
    second = await flows.set_canary("kiosk", 10, "ann")
    assert second.version is not None and second.version.number == 2
    assert await slots(sessions) == Slots(first.version.version, second.version.version, 10)
    changed = await flows.set_canary("kiosk", 40, "bob")
    assert changed.publication.kind is PublicationKind.CANARY_CHANGED
    with pytest.raises(Conflict):
        await flows.set_canary("kiosk", 40, "bob")
    await flows.promote_canary("kiosk", "ann")
    assert await slots(sessions) == Slots(second.version.version)
    assert [action for _, action, _ in await audited(sessions)][-3:] == [
        "flow.canary_started",
        "flow.canary_changed",
        "flow.canary_promoted",
    ]


async def test_a_canary_is_stopped(sessions: Sessions) -> None:
    first = await published(sessions, "Hello.")
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hi."), "ann", based_on=None)
    await flows.set_canary("kiosk", 10, "ann")
    await flows.stop_canary("kiosk", "ann")
    assert first.version is not None and await slots(sessions) == Slots(first.version.version)
    with pytest.raises(Conflict, match="no canary runs"):
        await flows.stop_canary("kiosk", "ann")
    with pytest.raises(Conflict, match="no canary runs"):
        await flows.promote_canary("kiosk", "ann")


async def test_a_canary_needs_something_to_run_beside(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hi."), "ann", based_on=None)
    with pytest.raises(Conflict, match="publish one first"):
        await flows.set_canary("kiosk", 10, "ann")
    done = await flows.publish("kiosk", "ann")
    assert done.version is not None
    with pytest.raises(Conflict, match="serves already"):
        await flows.set_canary("kiosk", 10, "ann", version=done.version.version)
    for percent in (0, 100, -1):
        with pytest.raises(Invalid, match="1 and 99"):
            await flows.set_canary("kiosk", percent, "ann")


async def test_publishing_ends_a_canary(sessions: Sessions) -> None:
    await published(sessions, "Hello.")
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hi."), "ann", based_on=None)
    await flows.set_canary("kiosk", 10, "ann")
    done = await flows.publish("kiosk", "ann")
    assert done.version is not None and await slots(sessions) == Slots(done.version.version)


async def test_what_is_withdrawn_leaves_the_file_to_serve(sessions: Sessions) -> None:
    await published(sessions, "Hello.")
    await editor(sessions).withdraw("kiosk", "ann")
    assert await slots(sessions) == Slots()
    with pytest.raises(Conflict, match="nothing of this agent is published"):
        await editor(sessions).withdraw("kiosk", "ann")


async def test_a_discarded_draft_cannot_be_published(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello."), "ann", based_on=0)
    with pytest.raises(EditConflict):
        await flows.discard_draft("kiosk", "bob", based_on=7)
    await flows.discard_draft("kiosk", "bob", based_on=1)
    with pytest.raises(NotFound, match="no draft"):
        await flows.publish("kiosk", "ann")


@pytest.mark.parametrize("text", ["x" * (512 * 1024 + 1), "a\x00b", "a\ud800b"])
async def test_what_no_database_holds_is_refused(sessions: Sessions, text: str) -> None:
    with pytest.raises(Invalid):
        await editor(sessions).save_draft("kiosk", text, "ann", based_on=0)


async def test_agents_that_are_not_there_are_not_found(sessions: Sessions) -> None:
    flows = editor(sessions)
    for refused in (
        flows.publish("nobody", "ann"),
        flows.restore("nobody", "abc", "ann"),
        flows.withdraw("nobody", "ann"),
        flows.set_canary("nobody", 5, "ann"),
        flows.stop_canary("nobody", "ann"),
        flows.discard_draft("nobody", "ann", based_on=None),
    ):
        with pytest.raises(NotFound):
            await refused
