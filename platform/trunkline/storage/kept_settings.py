"""Values that operators change while the house runs: one JSON document a key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.events import Json
from trunkline.storage.rows import SettingRow
from trunkline.storage.upsert import clean_json, upsert
from trunkline.storage.views import HOUSE


class KeptSettings:
    def __init__(self, session: AsyncSession, *, owner: str = HOUSE) -> None:
        self._session = session
        self._owner = owner

    async def get(self, key: str, default: Json = None) -> Json:
        row = await self._session.get(SettingRow, (self._owner, key), populate_existing=True)
        return default if row is None else row.value

    async def put(self, key: str, value: Json, now: datetime) -> None:
        values = {"owner": self._owner, "key": key, "value": clean_json(value), "updated_at": now}
        await upsert(self._session, SettingRow, values, key=["owner", "key"])
