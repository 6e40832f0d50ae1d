from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.unit.storage.facts import NOON

from trunkline.domain.errors import Conflict, NotFound
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import KEPT_REVISIONS, DraftMoved, FlowRepository
from trunkline.storage.flow_views import (
    DraftView,
    PublicationKind,
    PublicationView,
    Slots,
    VersionView,
)


async def save(
    sessions: Sessions, text: str, based_on: int | None, by: str = "ann", owner: str = "house"
) -> DraftView:
    async with sessions.writing() as session:
        flows = FlowRepository(session, owner=owner)
        return await flows.save_draft("shop", text, by, NOON, based_on=based_on)


async def keep(sessions: Sessions, version: str, text: str, note: str = "") -> VersionView:
    async with sessions.writing() as session:
        flows = FlowRepository(session)
        return await flows.add_version("shop", version, text, "ann", NOON, note)


async def publish(
    sessions: Sessions, slots: Slots, kind: PublicationKind = PublicationKind.PUBLISHED
) -> PublicationView:
    async with sessions.writing() as session:
        return await FlowRepository(session).publish("shop", kind, slots, "ann", NOON)


async def test_a_draft_grows_by_revisions_and_remembers_who_saved_each(sessions: Sessions) -> None:
    first = await save(sessions, "one", 0)
    second = await save(sessions, "two", first.revision, by="bob")
    assert (first.revision, second.revision, second.based_on) == (1, 2, 1)
    async with sessions.reading() as session:
        flows = FlowRepository(session)
        assert await flows.draft("shop") == second
        assert await flows.draft("shop", 1) == first
        assert (await flows.agent("shop")).draft == second


async def test_saving_what_is_there_already_is_no_new_revision(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    assert (await save(sessions, "one", 1, by="bob")).saved_by == "ann"


async def test_the_second_of_two_editors_is_told_both_revisions(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    theirs = await save(sessions, "theirs", 1, by="bob")
    with pytest.raises(DraftMoved, match="revision 2") as told:
        await save(sessions, "mine", 1)
    assert (told.value.based_on, told.value.current_revision) == (1, 2)
    assert told.value.current == theirs
    assert told.value.base is not None and told.value.base.text == "one"
    async with sessions.reading() as session:
        assert await FlowRepository(session).draft("shop") == theirs


async def test_of_many_who_save_at_once_one_wins_and_the_rest_are_told(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    saved = await asyncio.gather(
        *(save(sessions, f"by {number}", 1) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, DraftView) for one in saved) == 1
    assert sum(isinstance(one, DraftMoved) for one in saved) == 7


async def test_who_believes_there_is_no_draft_is_shown_it(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    with pytest.raises(DraftMoved, match="there is a draft already"):
        await save(sessions, "another", 0)
    assert (await save(sessions, "whatever", None)).revision == 2


async def test_revisions_never_start_again(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    async with sessions.writing() as session:
        await FlowRepository(session).discard_draft("shop", based_on=1)
    with pytest.raises(DraftMoved, match="discarded"):
        await save(sessions, "two", 1)
    assert (await save(sessions, "two", 0)).revision == 3
    async with sessions.writing() as session:
        with pytest.raises(DraftMoved):
            await FlowRepository(session).discard_draft("shop", based_on=1)


async def test_there_is_no_draft_to_discard_twice(sessions: Sessions) -> None:
    await save(sessions, "one", 0)
    async with sessions.writing() as session:
        flows = FlowRepository(session)
        await flows.discard_draft("shop", based_on=None)
        with pytest.raises(NotFound, match="no draft"):
            await flows.discard_draft("shop", based_on=None)
        assert await flows.draft("shop") is None


async def test_old_states_of_a_draft_are_dropped(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        flows = FlowRepository(session)
        for number in range(KEPT_REVISIONS + 2):
            await flows.save_draft("shop", f"text {number}", "ann", NOON, based_on=number)
        assert await flows.draft("shop", 2) is None
        assert await flows.draft("shop", 3) is not None


async def test_the_same_text_is_the_same_version(sessions: Sessions) -> None:
    first = await keep(sessions, "aaa", "text", "first")
    assert (await keep(sessions, "aaa", "text", "again")) == first
    second = await keep(sessions, "bbb", "other text")
    assert (first.number, second.number) == (1, 2)
    with pytest.raises(Conflict):
        await keep(sessions, "aaa", "a text that collides")


async def test_versions_are_listed_newest_first_and_a_page_at_a_time(sessions: Sessions) -> None:
    for number in range(5):
        await keep(sessions, f"v{number}", f"text {number}")
    async with sessions.reading() as session:
        flows = FlowRepository(session)
        page = await flows.versions("shop", limit=2)
        rest = await flows.versions("shop", before=page[-1].number)
        assert [one.version for one in (*page, *rest)] == ["v4", "v3", "v2", "v1", "v0"]
        assert page[0].text == "" and (await flows.version("shop", "v4")).text == "text 4"
        with pytest.raises(NotFound, match="no such version"):
            await flows.version("shop", "v5")


async def test_what_serves_is_what_was_published_last(sessions: Sessions) -> None:
    await keep(sessions, "aaa", "text a")
    await keep(sessions, "bbb", "text b")
    await publish(sessions, Slots("aaa"))
    canary = Slots("aaa", "bbb", 20)
    last = await publish(sessions, canary, PublicationKind.CANARY_STARTED)
    async with sessions.reading() as session:
        flows = FlowRepository(session)
        (serving,) = await flows.serving()
        assert (serving.slots, serving.stable_text, serving.canary_text) == (
            canary,
            "text a",
            "text b",
        )
        assert await flows.sequence() == last.seq == 2
        assert [one.kind for one in await flows.history("shop")] == [
            PublicationKind.CANARY_STARTED,
            PublicationKind.PUBLISHED,
        ]
        assert await flows.history("shop", before=1) == ()


async def test_what_is_withdrawn_serves_no_more(sessions: Sessions) -> None:
    await keep(sessions, "aaa", "text a")
    await publish(sessions, Slots("aaa"))
    await publish(sessions, Slots(), PublicationKind.WITHDRAWN)
    async with sessions.reading() as session:
        flows = FlowRepository(session)
        assert await flows.serving() == ()
        assert await flows.sequence() == 2


async def test_publications_at_once_get_numbers_without_a_gap(sessions: Sessions) -> None:
    await keep(sessions, "aaa", "text a")
    done = await asyncio.gather(*(publish(sessions, Slots("aaa")) for _ in range(8)))
    assert sorted(one.seq for one in done) == list(range(1, 9))


async def test_an_agent_that_is_not_there_cannot_be_published(sessions: Sessions) -> None:
    with pytest.raises(NotFound):
        await publish(sessions, Slots("aaa"))


async def test_owners_do_not_see_each_other(sessions: Sessions) -> None:
    await save(sessions, "ours", 0)
    assert (await save(sessions, "theirs", 0, owner="tenant")).revision == 1
    async with sessions.reading() as session:
        assert [one.owner for one in await FlowRepository(session).agents()] == ["house"]
        assert await FlowRepository(session, owner="nobody").agents() == ()


async def test_times_come_back_in_utc(sessions: Sessions) -> None:
    saved = await save(sessions, "one", 0)
    assert saved.saved_at == NOON and saved.saved_at.utcoffset() == timedelta(0)
