"""The house's own rules of approvals, in versions that are never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Conflict
from trunkline.domain.house_rules import HouseRules, read_rules, write_rules
from trunkline.storage.audit import Audit
from trunkline.storage.engine import hold
from trunkline.storage.rows import HouseRulesRow
from trunkline.storage.views import HOUSE


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """``version`` 0: nobody has written any rules; ``at`` and ``by`` say nothing then."""

    version: int
    rules: HouseRules
    document: Mapping[str, Any]
    at: datetime | None = None
    by: str = ""


class HouseRulesStore:
    """The rules of one owner inside one session; writing needs a durable one."""

    def __init__(self, session: AsyncSession, *, owner: str = HOUSE) -> None:
        self._session = session
        self._owner = owner

    async def current(self) -> RulesVersion:
        newest = await self.history(limit=1)
        return newest[0] if newest else RulesVersion(0, HouseRules(), {})

    async def history(self, limit: int = 50) -> tuple[RulesVersion, ...]:
        """The newest first."""
        query = (
            select(HouseRulesRow)
            .where(HouseRulesRow.owner == self._owner)
            .order_by(HouseRulesRow.version.desc())
            .limit(limit)
        )
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def put(
        self, document: Mapping[str, Any], by: str, now: datetime, *, based_on: int | None
    ) -> RulesVersion:
        """The next version. Invalid names what cannot be read; Conflict ``rules_changed`` when
        version ``based_on`` is no longer the newest (None: whichever is)."""
        rules = read_rules(document)
        await hold(self._session, f"trunkline.house_rules.{self._owner}")
        before = await self.current()
        if based_on is not None and based_on != before.version:
            raise Conflict(
                f"the rules are at version {before.version} now; look at them again",
                code="rules_changed",
            )
        row = HouseRulesRow(
            owner=self._owner,
            version=before.version + 1,
            rules=write_rules(rules),
            at=now,
            by=by,
        )
        self._session.add(row)
        await Audit(self._session, owner=self._owner).append(
            by,
            "approval_rules.changed",
            str(row.version),
            now,
            {"before": dict(before.document), "after": dict(row.rules)},
        )
        await self._session.flush()
        return _view(row)


def _view(row: HouseRulesRow) -> RulesVersion:
    return RulesVersion(row.version, read_rules(row.rules), row.rules, row.at, row.by)
