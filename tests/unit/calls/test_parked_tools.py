"""A person is asked on a live call: what is asked, heard, acknowledged and taken back."""

from __future__ import annotations

from typing import Any

from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, PAYMENT_CALL

from trunkline.calls.control import ApprovalNews, ToolResult
from trunkline.domain.approval import ApprovalState, binding_hash
from trunkline.domain.events import (
    ApprovalHeard,
    ApprovalParked,
    ApprovalWithdrawn,
    ToolOutcome,
    ToolRan,
)
from trunkline.domain.ids import ApprovalId
from trunkline.model.script import Script


async def waiting(call: Scene) -> ApprovalParked:
    call.tools.answers["get_balance"] = BALANCE
    await call.heard("How can I help you")
    call.leg.say(voiced(900))
    await call.heard("account number?")
    call.leg.say(voiced(1500))
    await call.heard("like to pay?")
    call.leg.say(voiced(900))
    await call.heard("Nothing has been taken yet.")
    (parked,) = call.facts(ApprovalParked)
    return parked


def news(
    parked: ApprovalParked, state: ApprovalState, revision: int, **changes: Any
) -> ApprovalNews:
    arguments = {**parked.arguments, **changes.pop("arguments", {})}
    return ApprovalNews(
        parked.call_id, parked.approval_id, parked.run_id, state, revision, "", None, arguments
    )


def test_what_is_asked_binds_the_exact_call_and_can_be_run_without_the_flow() -> None:
    async def play() -> None:
        async with scene(PAYMENT_CALL) as call:
            parked = await waiting(call)
            assert parked.arguments == {"account": "44172908", "amount": "50.00"}
            assert parked.question == "May fifty dollars be paid on account 44172908?"
            assert parked.step == "pay"
            assert parked.is_verified
            assert parked.policy["editable"] == ["amount"]
            assert parked.slip["name"] == "pay_bill"
            assert "sample_service_url" in parked.variables
            assert parked.may_repeat
            assert parked.arguments_hash == binding_hash(
                "pay_bill", parked.arguments, parked.flow_version, parked.policy
            )
            assert call.facts(ToolRan)[-1].outcome is ToolOutcome.PARKED
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_the_decision_is_heard_once_however_often_it_comes() -> None:
    async def play() -> None:
        async with scene(PAYMENT_CALL) as call:
            parked = await waiting(call)
            edited = {"amount": "40.00"}
            for _ in range(2):
                call.service.obey(news(parked, ApprovalState.GRANTED, 3, arguments=edited))
            call.service.obey(news(parked, ApprovalState.ESCALATED, 1))
            await call.heard("My colleague agrees to forty dollars.")
            for _ in range(2):
                call.service.obey(news(parked, ApprovalState.DONE, 5, arguments=edited))
            result = ToolResult(
                parked.call_id, parked.run_id, ToolOutcome.OK, {"amount": "40.00"}, 90, 1
            )
            call.service.obey(result)
            await call.heard("Your payment of forty dollars has been made.")
            heard = [(fact.revision, fact.state) for fact in call.facts(ApprovalHeard)]
            assert heard == [
                (3, "granted"), (3, "granted"), (1, "escalated"), (5, "done"), (5, "done"),
            ]  # fmt: skip
            ran = call.facts(ToolRan)[-1]
            assert (ran.outcome, ran.arguments["amount"]) == (ToolOutcome.OK, "40.00")
            assert ran.is_background
            assert [name for name, _, _ in call.tools.ran] == ["get_balance"]
            call.leg.hang_up_by_caller()
            await call.over()
            said = " ".join(turn.text for turn in call.turns)
            assert said.count("has been made") == 1
            assert "another colleague" not in said

    run_virtual(play())


def test_news_of_what_this_call_never_asked_are_not_acknowledged() -> None:
    async def play() -> None:
        async with scene(PAYMENT_CALL) as call:
            parked = await waiting(call)
            forged = news(parked, ApprovalState.DONE, 5)
            call.service.obey(
                ApprovalNews(
                    forged.call_id,
                    ApprovalId("appr_other"),
                    forged.run_id,
                    forged.state,
                    forged.revision,
                    "",
                    None,
                    forged.arguments,
                )
            )
            assert call.facts(ApprovalHeard) == []
            call.leg.hang_up_by_caller()
            await call.over()
            call.service.obey(news(parked, ApprovalState.DONE, 5))
            assert call.facts(ApprovalHeard) == []

    run_virtual(play())


def test_a_caller_who_says_goodbye_takes_it_back_first() -> None:
    async def play() -> None:
        async with scene(PAYMENT_CALL) as call:
            parked = await waiting(call)
            call.leg.say(voiced(600))
            await call.leg.until(lambda: bool(call.facts(ApprovalWithdrawn)))
            (fact,) = call.facts(ApprovalWithdrawn)
            assert fact.approval_id == parked.approval_id
            call.service.obey(news(parked, ApprovalState.ABANDONED, 1))
            await call.heard("Goodbye.")
            await call.over()

    run_virtual(play())


def test_an_engine_that_claims_it_is_done_is_cut_before_the_word_is_heard() -> None:
    script = PAYMENT_CALL.model_dump()
    script["transcripts"] = (*script["transcripts"][:-1], "is that all")
    claim = {"match": "is that all", "text": "Yes, your payment has been made."}
    script["replies"] = (*script["replies"][:-1], claim)

    async def play() -> None:
        async with scene(Script.model_validate(script)) as call:
            parked = await waiting(call)
            await call.heard("Please stay on the line.")
            call.leg.say(voiced(600))
            await call.heard("It is not done yet. A person has to decide about it first.")
            call.service.obey(news(parked, ApprovalState.REFUSED, 1))
            await call.heard("did not approve the payment")
            call.leg.hang_up_by_caller()
            await call.over()
            assert "has been made" not in " ".join(turn.text for turn in call.turns)

    run_virtual(play())
