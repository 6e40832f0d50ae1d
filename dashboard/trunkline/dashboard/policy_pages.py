"""Approval policies: what each tool demands, and the house's own rules over all of them."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.policy_book import ToolPolicy, policies_in_force
from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    Operator,
    OperatorDep,
    WritingOperator,
    respond,
)
from trunkline.domain.approval import Role
from trunkline.domain.errors import CallerError, Conflict, Forbidden
from trunkline.domain.house_rules import HouseRules, MailedArguments
from trunkline.storage.engine import database_now
from trunkline.storage.house_rules import HouseRulesStore, RulesVersion

router = APIRouter()

DECIDERS: Final = tuple(role for role in Role if role > Role.VIEWER)
_SPANS: Final = ("longest_sla_s", "longest_expiry_s", "remind_s")
_MAILED: Final = {
    MailedArguments.MASKED: "their last characters",
    MailedArguments.NONE: "nothing but the amount",
    MailedArguments.FULL: "all of them, in full",
}
Text: TypeAlias = Annotated[str, Form(max_length=100)]


@router.get("/policies")
async def policies_page(
    request: Request,
    desk: DeskDep,
    operator: OperatorDep,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Whoever may decide may look."""
    _check_looking(operator)
    notice = "Saved. What is asked from now on is bound to it." if done == "saved" else ""
    return await _page(request, desk, operator, notice=notice)


@router.post("/policies")
async def save_rules(
    request: Request, desk: DeskDep, operator: WritingOperator, version: Text = "0"
) -> Response:
    if not operator.may_rule:
        raise Forbidden("Only managers and admins change the rules.", code="role_missing")
    form = {
        name: value.strip()
        for name, value in (await request.form()).items()
        if isinstance(value, str)
    }
    try:
        async with desk.deps.sessions.writing(durable=True) as session:
            await HouseRulesStore(session, owner=operator.user.owner).put(
                _document(form),
                operator.as_person.person_id,
                desk.deps.clock.now(),
                based_on=int(version) if version.isdecimal() and len(version) < 10 else -1,
            )
    except CallerError as exc:
        problem = exc.message
        if exc.code == "rules_changed":
            problem = "Somebody else has changed the rules meanwhile: this is how they are now."
        elif (param := getattr(exc, "param", None)) is not None:
            problem = f"{str(param).replace('_', ' ').replace('.', ' of ')}: {exc.message}"
        status = 409 if isinstance(exc, Conflict) else 422
        return await _page(
            request,
            desk,
            operator,
            problem=problem,
            status=status,
            typed=None if status == 409 else form,
        )
    return RedirectResponse("/policies?done=saved", 303)


def _document(form: dict[str, str]) -> dict[str, Any]:
    """What stands in the form, unread; ``read_rules`` says what is wrong with it."""
    document: dict[str, Any] = {
        name: form[name]
        for name in ("two_people_above", "quiet_hours", "quiet_role", "mail_arguments")
        if form.get(name)
    }
    document |= {name: _whole(form[name]) for name in _SPANS if form.get(name)}
    limits = {role.name.lower(): form.get(f"limit.{role.name.lower()}") for role in DECIDERS}
    document["limits"] = {name: most for name, most in limits.items() if most}
    return document


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def _check_looking(operator: Operator) -> None:
    if operator.as_person.role < Role.SUPERVISOR:
        raise Forbidden("Only supervisors and above see the policies.", code="role_missing")


async def _page(
    request: Request,
    desk: Desk,
    operator: Operator,
    *,
    problem: str = "",
    notice: str = "",
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    async with desk.deps.sessions.reading() as session:
        store = HouseRulesStore(session, owner=operator.user.owner)
        versions = await store.history(limit=10)
        now = await database_now(session)
    current = versions[0] if versions else RulesVersion(0, HouseRules(), {})
    tools: tuple[ToolPolicy, ...] = ()
    if desk.deps.flows is not None:
        await desk.deps.flows.shelf.look()
        tools = policies_in_force(desk.deps.flows.shelf.serving(), current.rules, now)
    return respond(
        request,
        desk,
        operator,
        "policies.html",
        status=status,
        problem=problem,
        notice=notice,
        current=current,
        versions=versions,
        form=_form(current) | (typed or {}),
        tools=tools,
        deciders=DECIDERS,
        mailed=_MAILED,
    )


def _form(current: RulesVersion) -> dict[str, str]:
    """Each field's text by its name."""
    document = dict(current.document)
    limits = document.pop("limits", {})
    empty = ("two_people_above", "quiet_hours", *_SPANS)
    return {
        **dict.fromkeys(empty, ""),
        **{f"limit.{role.name.lower()}": "" for role in DECIDERS},
        "quiet_role": current.rules.quiet_role.name.lower(),
        "mail_arguments": current.rules.mail_arguments.value,
        **{name: str(value) for name, value in document.items()},
        **{f"limit.{name}": str(most) for name, most in limits.items()},
    }
