"""What the routes about flows take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from trunkline.calls.flow_diff import Change
from trunkline.calls.flow_editor import MAX_NOTE_CHARS, Published
from trunkline.flows.check.findings import Finding, Severity
from trunkline.flows.schema.document import NAME_PATTERN
from trunkline.flows.schema.source import MAX_CHARS
from trunkline.storage.flow_views import PublicationKind, PublicationView, Slots

VERSION_PATTERN: Final = r"^[0-9a-f]{1,64}$"
MOST_REVISIONS: Final = 999_999_999

Agent: TypeAlias = Annotated[str, Path(pattern=NAME_PATTERN)]
Tool: TypeAlias = Annotated[str, Path(pattern=NAME_PATTERN)]
Version: TypeAlias = Annotated[str, Path(pattern=VERSION_PATTERN)]
Revision: TypeAlias = Annotated[int, Field(ge=1, le=MOST_REVISIONS)]
Note: TypeAlias = Annotated[str, Field(max_length=MAX_NOTE_CHARS)]
Text: TypeAlias = Annotated[str, Field(max_length=MAX_CHARS, description="The flow as YAML.")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class HopOut(_Out):
    step: str
    why: str
    line: int


class FindingOut(_Out):
    """One thing to fix; ``way`` is a way a call can take that shows it."""

    severity: Severity
    code: str
    line: int
    where: str
    message: str
    advice: str
    way: list[HopOut]


def findings_out(findings: tuple[Finding, ...]) -> list[FindingOut]:
    return [FindingOut.model_validate(finding) for finding in findings]


class DraftText(_In):
    text: Text


class MaybeText(_In):
    """Without ``text`` the draft is meant."""

    text: Text | None = None


class DraftOut(_Out):
    """``revision`` is also the ETag, and what If-Match takes."""

    agent: str
    revision: int
    text: str
    saved_at: datetime
    saved_by: str
    based_on: int


class ExaminedOut(BaseModel):
    """Every complaint of the loader and every finding of the checker, by line."""

    version: str
    is_publishable: bool
    findings: list[FindingOut]


class VersionOut(_Out):
    """``number`` counts an agent's versions from 1; ``hash`` is the SHA-256 of the text."""

    agent: str
    version: str
    number: int
    hash: str
    created_at: datetime
    created_by: str
    note: str


class VersionTextOut(VersionOut):
    text: str


class VersionsOut(BaseModel):
    """Newest first; pass ``next_before`` as ``before`` for the next page."""

    versions: list[VersionOut]
    next_before: int | None


class DiffLineOut(_Out):
    change: Change
    text: str
    old_line: int | None
    new_line: int | None


class DiffOut(BaseModel):
    """Nothing in ``lines`` when the texts are equal; a gap stands for lines left out."""

    old: str
    new: str
    lines: list[DiffLineOut]


class Why(_In):
    """``note`` is shown in the history."""

    note: Note = ""


class Publishing(Why):
    """``revision``: publish the draft only if it is still this one."""

    revision: Revision | None = None


class Restoring(Why):
    version: Annotated[str, Field(pattern=VERSION_PATTERN)]


class CanaryIn(Why):
    """Without ``version``: the canary that runs if there is one, else the draft."""

    percent: Annotated[int, Field(ge=1, le=99)]
    version: Annotated[str, Field(pattern=VERSION_PATTERN)] | None = None
    revision: Revision | None = None


class ServingOut(BaseModel):
    """``canary`` takes ``percent`` of the calls; null in both: nothing published serves."""

    stable: str | None
    canary: str | None
    percent: int

    @classmethod
    def of(cls, slots: Slots) -> ServingOut:
        return cls(stable=slots.stable, canary=slots.canary, percent=slots.percent)


class PublicationOut(BaseModel):
    sequence: int
    agent: str
    kind: PublicationKind
    serving: ServingOut
    at: datetime
    by: str
    note: str

    @classmethod
    def of(cls, one: PublicationView) -> PublicationOut:
        return cls(
            sequence=one.seq,
            agent=one.agent,
            kind=one.kind,
            serving=ServingOut.of(one.slots),
            at=one.at,
            by=one.by,
            note=one.note,
        )


class PublishedOut(BaseModel):
    """``warnings`` are what the checker would rather see changed."""

    publication: PublicationOut
    version: VersionOut | None
    warnings: list[FindingOut]

    @classmethod
    def of(cls, done: Published) -> PublishedOut:
        return cls(
            publication=PublicationOut.of(done.publication),
            version=VersionOut.model_validate(done.version) if done.version else None,
            warnings=findings_out(done.warnings),
        )


class HistoryOut(BaseModel):
    """Newest first; pass ``next_before`` as ``before`` for the next page."""

    publications: list[PublicationOut]
    next_before: int | None
