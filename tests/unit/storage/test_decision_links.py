"""Links in the database: sent to those who may decide, used once, never against the rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

import orjson
import pytest
from sqlalchemy import delete, select
from tests.unit.storage.facts import after, started
from tests.unit.storage.test_approvals import BERT, PARKED, POLICY, act, grant, now, state

from trunkline.calls.link_desk import LinkDesk
from trunkline.domain.approval import ApprovalState, Deed, Person, Role
from trunkline.domain.approval_json import write_policy
from trunkline.domain.approval_rules import Act
from trunkline.domain.decision_link import write_token
from trunkline.domain.errors import CallerError, Conflict, Forbidden, NotFound, TooMany
from trunkline.domain.ids import ApprovalId, ToolRunId
from trunkline.storage.approvals import Approvals
from trunkline.storage.audit import Audit
from trunkline.storage.decision_links import DecisionLinks
from trunkline.storage.engine import Sessions
from trunkline.storage.house_rules import HouseRulesStore
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import DecisionLinkRow, OutboxRow
from trunkline.storage.users import UserRepository
from trunkline.storage.webhooks import WebhookRepository

SECRET: Final = b"s" * 32
HERE: Final = "192.0.2.7"


@pytest.fixture
async def told(sessions: Sessions) -> Sessions:
    """Two supervisors and a manager with addresses, one supervisor without; one webhook."""
    async with sessions.writing() as session:
        users = UserRepository(session)
        for name, role in (("sue", "supervisor"), ("sam", "supervisor"), ("may", "manager")):
            one = await users.add(name, "-", role, after(0))
            await users.set_email(one.user_id, f"{name}@example.org")
        await users.add("sid", "-", "supervisor", after(0))
        await WebhookRepository(session).add(
            "https://example.org/hook", ["approval.requested"], after(0), has_links=True
        )
    await write_facts(sessions, [started(), PARKED])
    return sessions


def desk(sessions: Sessions) -> LinkDesk:
    return LinkDesk(sessions, lambda: SECRET)


async def mailed(sessions: Sessions, event: str = "mail.asked") -> dict[str, str]:
    """A token by the name of each user who is sent one by mail."""
    tokens = {}
    async with sessions.reading() as session:
        links = DecisionLinks(session)
        keys = await links.keys(SECRET)
        for row in await session.scalars(select(OutboxRow).where(OutboxRow.event == event)):
            (sent,) = await links.carried_by(row.id)
            tokens[sent.to.username] = write_token(sent.link, keys)
    return tokens


async def refused(sessions: Sessions, token: str, decision: str = "grant") -> str:
    with pytest.raises(CallerError) as caught:
        await desk(sessions).decide(token, decision, "no", HERE)
    return caught.value.code


async def test_those_of_the_lowest_role_are_mailed_and_webhooks_get_links_for_all_of_them(
    told: Sessions,
) -> None:
    assert sorted(await mailed(told)) == ["sam", "sue"]
    async with told.reading() as session:
        (hook,) = await session.scalars(select(OutboxRow).where(OutboxRow.webhook_id.is_not(None)))
        carried = await DecisionLinks(session).carried_by(hook.id)
        approval = (await Approvals(session).get("appr_1")).approval
    assert [one.to.username for one in carried] == ["sam", "sid", "sue"]
    assert "lk_" not in hook.body
    assert all(one.link.expires_at <= approval.expires_at for one in carried)


async def test_a_link_decides_once_as_the_user_it_was_sent_to(told: Sessions) -> None:
    token = (await mailed(told))["sue"]
    opened = await desk(told).open(token, HERE)
    assert (opened.no_grant, opened.shown.parked.approval.state) == (None, ApprovalState.ASKED)
    decided = await desk(told).decide(token, "grant", "", HERE)
    assert decided.approval.state is ApprovalState.GRANTED
    assert await refused(told, token) == "link_used"
    async with told.reading() as session:
        (deed,) = await Approvals(session).deeds("appr_1")
        chain = await Audit(session).latest()
        (row,) = await session.scalars(
            select(DecisionLinkRow).where(DecisionLinkRow.used_at.is_not(None))
        )
    assert (deed.person_id, deed.via, deed.role) == ("user:sue", "link", "supervisor")
    assert row.used_for == "grant"
    assert [link.action for link in reversed(chain)] == [
        "approval.grant",
        "approval_link.used",
        "approval_link.refused",
    ]


async def test_of_many_clicks_on_one_link_one_counts(told: Sessions) -> None:
    token = (await mailed(told))["sue"]
    one = desk(told)

    async def click() -> str:
        try:
            await one.decide(token, "grant", "", HERE)
        except CallerError as exc:
            return exc.code
        return "decided"

    clicks = await asyncio.gather(*(click() for _ in range(6)))
    assert sorted(clicks) == ["decided", *["link_used"] * 5]


async def test_of_two_people_with_links_one_decides(told: Sessions) -> None:
    tokens, one = await mailed(told), desk(told)

    async def click(token: str, decision: str) -> str:
        try:
            return (await one.decide(token, decision, "no", HERE)).approval.state
        except CallerError as exc:
            return exc.code

    codes = await asyncio.gather(click(tokens["sue"], "grant"), click(tokens["sam"], "refuse"))
    assert len({"granted", "refused"} & set(codes)) == 1 and "already_decided" in codes


async def test_a_refusal_needs_a_reason_and_leaves_the_link_as_it_was(told: Sessions) -> None:
    token = (await mailed(told))["sue"]
    with pytest.raises(CallerError) as caught:
        await desk(told).decide(token, "refuse", "  ", HERE)
    assert caught.value.code == "reason_missing"
    await desk(told).decide(token, "refuse", "not today", HERE)
    assert await state(told) is ApprovalState.REFUSED


async def test_edited_arguments_end_old_links_and_send_new_ones(told: Sessions) -> None:
    old = (await mailed(told))["sue"]
    arguments = {"account": "44172908", "amount": "200.00"}
    await act(told, Act(Deed.EDIT, BERT, seen_hash="h1", arguments=arguments, arguments_hash="h2"))
    assert await refused(told, old) == "arguments_changed"
    with pytest.raises(Conflict, match="has changed"):
        await desk(told).open(old, HERE)
    fresh = (await mailed(told, "mail.edited"))["sue"]
    assert (await desk(told).decide(fresh, "grant", "", HERE)).approval.state == "granted"


async def test_the_two_person_rule_knows_one_person_by_link_and_by_page(
    told: Sessions,
) -> None:
    token = (await mailed(told))["sue"]
    async with told.writing(durable=True) as session:
        await HouseRulesStore(session).put({"two_people_above": "100"}, "a", now(), based_on=0)
    by_page = await act(told, grant(Person("user:sue", Role.SUPERVISOR)))
    assert by_page.approval.state is ApprovalState.ASKED
    assert await refused(told, token) == "needs_another_person"
    second = (await mailed(told))["sam"]
    assert (await desk(told).decide(second, "grant", "", HERE)).approval.state == "granted"


async def test_a_user_who_is_switched_off_or_demoted_decides_nothing(told: Sessions) -> None:
    tokens = await mailed(told)
    async with told.writing() as session:
        users = UserRepository(session)
        by_name = {user.username: user.user_id for user in await users.list()}
        await users.set_active(by_name["sue"], False)
        await users.set_role(by_name["sam"], "viewer")
    assert await refused(told, tokens["sue"]) == "link_withdrawn"
    assert await refused(told, tokens["sam"]) == "role_too_low"
    assert await state(told) is ApprovalState.ASKED


async def test_limits_of_today_hold_for_links_of_yesterday(told: Sessions) -> None:
    token = (await mailed(told))["sue"]
    async with told.writing(durable=True) as session:
        limit = {"limits": {"supervisor": "200"}}
        await HouseRulesStore(session).put(limit, "admin", now(), based_on=0)
    opened = await desk(told).open(token, HERE)
    assert opened.no_grant is not None and opened.no_grant.code == "amount_above_limit"
    assert await refused(told, token) == "amount_above_limit"


async def test_forged_and_forgotten_links_are_refused_and_counted(told: Sessions) -> None:
    token = (await mailed(told))["sue"]
    one = desk(told)
    async with told.writing() as session:
        await DecisionLinks(session).rotate(now(), at_once=False)
    await one.open(token, HERE)
    async with told.writing() as session:
        await DecisionLinks(session).rotate(now(), at_once=True)
    for _ in range(10):
        with pytest.raises(NotFound):
            await one.open(token, HERE)
    with pytest.raises(TooMany):
        await one.open(token, HERE)
    with pytest.raises(NotFound):
        await one.open(token, "192.0.2.8")
    async with told.reading() as session:
        chain = await Audit(session).latest()
    refusals = [link for link in chain if link.action == "approval_link.refused"]
    assert len(refusals) == 11
    assert refusals[0].details["code"] == "link_invalid" and not refusals[0].subject


async def test_a_link_ends_with_its_approval_and_late_clicks_are_nobodys_guesses(
    told: Sessions,
) -> None:
    brief = {**write_policy(POLICY), "expires_after_ms": 1}
    other = replace(
        PARKED, approval_id=ApprovalId("appr_2"), run_id=ToolRunId("run_2"), policy=brief
    )
    async with told.writing() as session:
        await session.execute(delete(OutboxRow))
    await write_facts(told, [other])
    token, one = (await mailed(told))["sue"], desk(told)
    for _ in range(12):
        with pytest.raises(CallerError) as caught:
            await one.decide(token, "grant", "", HERE)
        assert caught.value.code == "link_expired"
    async with told.reading() as session:
        (link, *_) = await Audit(session).latest()
    assert (link.action, link.subject) == ("approval_link.refused", "appr_2")


async def test_a_reminder_and_an_escalation_write_to_the_next_people(told: Sessions) -> None:
    chain = {**write_policy(POLICY)}
    chain["levels"] = [
        {"role": "supervisor", "sla_ms": 70_000},
        {"role": "manager", "sla_ms": 60_000},
    ]
    async with told.writing(durable=True) as session:
        assert await Approvals(session).sweep(now(31)) == 1
        assert await Approvals(session).sweep(now(62)) == 1  # a second reminder, told to nobody
    assert sorted(await mailed(told, "mail.reminder")) == ["sam", "sue"]
    other = replace(
        PARKED, approval_id=ApprovalId("appr_2"), run_id=ToolRunId("run_2"), policy=chain
    )
    await write_facts(told, [other])
    async with told.writing(durable=True) as session:
        await Approvals(session).act(
            "appr_2", Act(Deed.ESCALATE, BERT, reason="too dear"), now(), via="api"
        )
    assert sorted(await mailed(told, "mail.escalated")) == ["may"]


async def test_house_rules_have_versions_and_are_bound_into_what_is_asked(
    sessions: Sessions,
) -> None:
    async with sessions.writing(durable=True) as session:
        store = HouseRulesStore(session)
        first = await store.put({"longest_expiry_s": 60}, "ann", now(), based_on=0)
        with pytest.raises(Conflict, match="version 1"):
            await store.put({}, "ben", now(), based_on=0)
        assert [one.version for one in await store.history()] == [first.version] == [1]
    await write_facts(sessions, [started(), PARKED])
    async with sessions.reading() as session:
        one = (await Approvals(session).get("appr_1")).approval
        chain = await Audit(session).latest()
    assert one.expires_at - one.asked_at == timedelta(seconds=60)
    assert one.arguments_hash != PARKED.arguments_hash
    assert orjson.dumps(chain[-1].details["after"]) == b'{"longest_expiry_s":60}'


async def test_viewers_have_no_decisions(told: Sessions) -> None:
    with pytest.raises(Forbidden):
        await act(told, grant(Person("user:vic", Role.VIEWER)))
