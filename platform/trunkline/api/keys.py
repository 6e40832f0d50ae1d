"""Routes: API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id, UtcTime
from trunkline.storage.audit import Audit
from trunkline.storage.keys import SCOPES, KeyRepository, export_authority
from trunkline.storage.views import ApiKeyView, KeyQuota

router = APIRouter(prefix="/api/v1/keys", tags=["keys"], responses=problems())

Admin = Annotated[Principal, Depends(needs("admin"))]


class Quota(BaseModel):
    """Of the model server; zero means no limit. ``sessions`` and ``requests_per_minute`` are
    counted by each model server, ``tokens_per_day`` (UTC) by all of them together.
    ``calls_at_once`` and ``calls_per_day`` (UTC) bound the calls that it may order."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    sessions: int = Field(default=0, ge=0, le=1_000_000)
    requests_per_minute: int = Field(default=0, ge=0, le=1_000_000)
    tokens_per_day: int = Field(default=0, ge=0, le=10**12)
    calls_at_once: int = Field(default=0, ge=0, le=1_000_000)
    calls_per_day: int = Field(default=0, ge=0, le=1_000_000)


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]] = Field(
        min_length=1, max_length=10
    )
    expires_at: UtcTime | None = None
    quota: Quota | None = None


class KeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    key_id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    quota: Quota | None = None


class NewKeyOut(KeyOut):
    """``key`` is shown this once."""

    key: str


@router.get("")
async def list_keys(deps: Deps, admin: Admin) -> list[KeyOut]:
    async with deps.sessions.reading() as session:
        found = await KeyRepository(session).list(owner=admin.owner)
    return [KeyOut.model_validate(key) for key in found]


@router.post("", status_code=201, responses=problems(400))
async def create_key(wanted: NewKey, deps: Deps, admin: Admin) -> NewKeyOut:
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        key, secret = await KeyRepository(session).create(
            wanted.name,
            wanted.scopes,
            now,
            expires_at=wanted.expires_at,
            quota=KeyQuota(**wanted.quota.model_dump()) if wanted.quota else None,
            owner=admin.owner,
        )
        await Audit(session, owner=admin.owner).append(admin.name, "key.created", key.key_id, now)
    await export_authority(deps.sessions, deps.authority_file)
    return NewKeyOut(key=secret, **_fields(key))


@router.delete("/{key_id}", status_code=204, responses=problems(404))
async def revoke_key(key_id: Id, deps: Deps, admin: Admin) -> None:
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        await KeyRepository(session).revoke(key_id, now, owner=admin.owner)
        await Audit(session, owner=admin.owner).append(admin.name, "key.revoked", key_id, now)
    await export_authority(deps.sessions, deps.authority_file)


def _fields(key: ApiKeyView) -> dict[str, object]:
    return KeyOut.model_validate(key).model_dump()
