"""Many who edit and publish one flow in the same moment."""

from __future__ import annotations

import asyncio

from tests.unit.calls.flow_texts import shop

from trunkline.calls.flow_editor import EditConflict, FlowEditor
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import Conflict
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.flow_versions import FlowRepository

MANY = 8


def editor(sessions: Sessions) -> FlowEditor:
    return FlowEditor(sessions, SystemClock(), {})


async def test_of_many_who_save_at_once_one_wins_and_all_others_are_told(
    sessions: Sessions,
) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello."), "ann", based_on=0)
    texts = [shop(f"Hello {number}.") for number in range(MANY)]
    done = await asyncio.gather(
        *(flows.save_draft("kiosk", text, f"by{n}", based_on=1) for n, text in enumerate(texts)),
        return_exceptions=True,
    )
    (won,) = [one for one in done if not isinstance(one, BaseException)]
    lost = [one for one in done if isinstance(one, EditConflict)]
    assert len(lost) == MANY - 1
    for one in lost:
        assert one.current is not None and one.current.text == won.text
        assert one.base is not None and one.base.text == shop("Hello.")


async def test_of_many_first_drafts_one_is_the_first(sessions: Sessions) -> None:
    done = await asyncio.gather(
        *(
            editor(sessions).save_draft("kiosk", shop(f"Hello {n}."), "ann", based_on=0)
            for n in range(MANY)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, EditConflict) for one in done) == MANY - 1
    assert sum(not isinstance(one, BaseException) for one in done) == 1


async def test_many_publications_stand_in_one_unbroken_line(sessions: Sessions) -> None:
    agents = [f"shop{number}" for number in range(MANY)]

    async def publish(agent: str) -> None:
        await editor(sessions).save_draft(agent, shop("Hello.", agent), "ann", based_on=0)
        await editor(sessions).publish(agent, "ann")

    await asyncio.gather(*map(publish, agents))
    async with sessions.reading() as session:
        flows = FlowRepository(session)
        numbers = [(await flows.history(agent))[0].seq for agent in agents]
        assert await Audit(session).first_broken() is None
    assert sorted(numbers) == list(range(1, MANY + 1))


async def test_one_draft_published_by_many_is_published_once(sessions: Sessions) -> None:
    flows = editor(sessions)
    await flows.save_draft("kiosk", shop("Hello."), "ann", based_on=0)
    done = await asyncio.gather(
        *(flows.publish("kiosk", f"by{n}", revision=1) for n in range(MANY)), return_exceptions=True
    )
    refused = [one for one in done if isinstance(one, Conflict)]
    assert len(refused) == MANY - 1 and {one.code for one in refused} == {"already_published"}
    async with sessions.reading() as session:
        assert len(await FlowRepository(session).versions("kiosk")) == 1
