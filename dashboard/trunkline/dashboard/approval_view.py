"""One approval as its page shows it: fields to look at and change, and what this person may do."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

import orjson

from trunkline.calls.approval_desk import Shown
from trunkline.dashboard.approval_words import obstacle_words
from trunkline.domain.approval import OPEN, Approval, ApprovalState, Deed, Person
from trunkline.domain.approval_rules import Act, decide
from trunkline.domain.errors import CallerError, Invalid
from trunkline.storage.approval_views import Parked

FIELD_PREFIX: Final = "field."
MAX_FIELD_CHARS: Final = 20_000
QUICK_REASONS: Final = (
    "The caller is not verified",
    "The amount does not look right",
    "Not what the caller asked for",
    "Against our rules",
    "Needs a person on the line",
)
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One argument by its dotted path. ``kind``: text, number, choice, or json (a document).

    ``before`` is what the call asked, where somebody has changed it since.
    """

    path: str
    value: Any
    before: Any
    is_changed: bool
    is_editable: bool
    is_amount: bool
    kind: str
    choices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return written(self.value)

    @property
    def before_text(self) -> str:
        return written(self.before)


@dataclass(frozen=True, slots=True)
class Choices:
    """What this person may do now; ``no_grant`` says in words why not to approve."""

    may_claim: bool = False
    may_release: bool = False
    may_grant: bool = False
    may_refuse: bool = False
    may_edit: bool = False
    may_escalate: bool = False
    may_settle: bool = False
    no_grant: str = ""


def fields_of(parked: Parked) -> tuple[Field, ...]:
    """Every value of the arguments, in their order; those that an edit removed come last."""
    approval = parked.approval
    schema = parked.slip.get("parameters")
    now = dict(_leaves(approval.arguments))
    before = dict(_leaves(parked.asked_arguments))
    found = []
    for path in [*now, *(path for path in before if path not in now)]:
        value, was = now.get(path, _MISSING), before.get(path, _MISSING)
        about = _schema_at(schema, path)
        choices = _choices(about, value)
        found.append(
            Field(
                path=path,
                value=None if value is _MISSING else value,
                before=None if was is _MISSING else was,
                is_changed=type(value) is not type(was) or value != was,
                is_editable=path in approval.policy.editable and value is not _MISSING,
                is_amount=bool(path) and path == approval.policy.amount_field,
                kind="choice" if choices else _kind(about, value),
                choices=choices,
            )
        )
    return tuple(found)


def choices_of(shown: Shown, person: Person, zone: tzinfo) -> Choices:
    """Asked of the rules themselves, so that the page never offers what they refuse."""
    approval, now = shown.parked.approval, shown.now

    def problem(act: Act) -> CallerError | None:
        try:
            decide(approval, act, now)
        except CallerError as exc:
            return exc
        return None

    def may(deed: Deed, **more: Any) -> bool:
        return problem(Act(deed, person, reason="—", **more)) is None

    seen = approval.arguments_hash
    grant = problem(Act(Deed.GRANT, person, seen_hash=seen))
    is_mine = approval.claimed_by == person.person_id
    may_refuse = may(Deed.REFUSE, seen_hash=seen)
    return Choices(
        may_claim=not is_mine and may(Deed.CLAIM),
        may_release=is_mine and may(Deed.RELEASE),
        may_grant=grant is None,
        may_refuse=may_refuse,
        may_edit=may_refuse and bool(approval.policy.editable),
        may_escalate=may(Deed.ESCALATE),
        may_settle=may(Deed.SETTLE, settled_as=ApprovalState.DONE),
        no_grant=obstacle_words(grant, approval, person, shown.deeds, zone=zone)
        if grant is not None and approval.state in OPEN
        else "",
    )


def edited(approval: Approval, form: Mapping[str, str], parameters: Any) -> dict[str, Any]:
    """The arguments with what the form changed. Invalid names the field that cannot be read.

    Only what the policy lets be changed is read; the rules check that once more.
    """
    arguments: dict[str, Any] = copy.deepcopy(dict(approval.arguments))
    for path in sorted(approval.policy.editable):
        text, now = form.get(FIELD_PREFIX + path), _at(arguments, path)
        if text is None or now is _MISSING or text == written(now):
            continue
        _put(arguments, path, _read(text, _schema_at(parameters, path), now, path))
    return arguments


def written(value: Any) -> str:
    """As it stands in a form's field."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _read(text: str, about: Mapping[str, Any], now: Any, path: str) -> Any:
    if len(text) > MAX_FIELD_CHARS:
        raise Invalid(f"{path} is too long", param=path)
    kinds = about.get("type", ())
    wants = {kinds} if isinstance(kinds, str) else set(kinds)
    if not text.strip() and (now is None or "null" in wants):
        return None
    is_text = "string" in wants if wants else isinstance(now, str) or now is None
    if is_text:
        return text.strip()
    try:
        return orjson.loads(text.strip())
    except orjson.JSONDecodeError:
        wanted = " or ".join(sorted(wants)) or type(now).__name__
        raise Invalid(f"“{text[:40]}” is no {wanted}", param=path) from None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value


def _put(value: dict[str, Any], path: str, new: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        value = value[part]
    value[last] = new


def _schema_at(schema: Any, path: str) -> Mapping[str, Any]:
    """What the tool's schema says of ``path`` by ``properties`` alone; else nothing."""
    for part in path.split("."):
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        schema = properties.get(part) if isinstance(properties, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def _choices(about: Mapping[str, Any], value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true", "false")
    listed = about.get("enum")
    if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
        return tuple(dict.fromkeys([*listed, written(value)]))
    return ()


def _kind(about: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, list | Mapping):
        return "json"
    return "number" if isinstance(value, int | float) else "text"
