"""The list of calls: filters kept in the URL, pages by keyset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from trunkline.dashboard.deps import DeskDep, IsPartial, OperatorDep, respond, zone_of
from trunkline.dashboard.formats import cause_tone
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Invalid
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import CallFilter

router = APIRouter()

PAGE_CALLS: Final = 50
_LIVE: Final = tuple(state for state in CallState if state is not CallState.ENDED)
_TROUBLE: Final = tuple(cause for cause in EndCause if cause_tone(cause) == "bad")
STATES: Final[Mapping[str, str]] = {
    "": "Any state",
    "live": "Live",
    "ended": "Ended",
    "trouble": "Ended in trouble",
}
_NAMES: Final = ("state", "cause", "agent", "version", "number", "text", "since", "until")


@dataclass(frozen=True, slots=True)
class ListForm:
    """The filter as the operator typed it; ``since`` and ``until`` are days, both inclusive."""

    state: str = ""
    cause: str = ""
    agent: str = ""
    version: str = ""
    number: str = ""
    text: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> ListForm:
        return cls(**{name: query.get(name, "").strip()[:200] for name in _NAMES})

    @property
    def is_empty(self) -> bool:
        return self == ListForm()

    def url(self, **changes: str) -> str:
        """This list's address, with some values changed; empty ones are left out."""
        values = {name: getattr(self, name) for name in _NAMES} | changes
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/calls?{query}" if query else "/calls"

    def filter(self, zone: tzinfo, owner: str) -> CallFilter:
        """Invalid names the value that cannot be read."""
        causes: tuple[EndCause, ...] = _TROUBLE if self.state == "trouble" else ()
        if self.cause:
            try:
                causes = (EndCause(self.cause),)
            except ValueError:
                raise Invalid(f"there is no end cause {self.cause}", param="cause") from None
        until = _day(self.until, zone, "until")
        return CallFilter(
            states={"live": _LIVE, "ended": (CallState.ENDED,)}.get(self.state, ()),
            agent=self.agent,
            number=_dialled(self.number),
            since=_day(self.since, zone, "since"),
            to=None if until is None else until + timedelta(days=1),
            text=self.text,
            end_causes=causes,
            flow_version=self.version,
            owner=owner,
        )


def _day(text: str, zone: tzinfo, name: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        raise Invalid(f"{name} must be a day such as 2026-11-21", param=name) from None


def _dialled(number: str) -> str:
    """``(030) 123-45`` is looked for as it was dialled; a SIP user name is left as it is."""
    bare = "".join(c for c in number if c not in " ()-/.")
    return bare if bare.lstrip("+").isdigit() else number


@router.get("/calls")
async def call_list(
    request: Request, desk: DeskDep, operator: OperatorDep, is_partial: IsPartial = False
) -> Response:
    form = ListForm.read(request.query_params)
    cursor = request.query_params.get("cursor")
    where = form.filter(zone_of(request), operator.user.owner)
    async with desk.deps.sessions.reading() as session:
        calls = CallRepository(session)
        page = await calls.list_calls(where, limit=PAGE_CALLS, cursor=cursor)
        agents = () if is_partial else await calls.agents(owner=operator.user.owner)
    more = form.url(cursor=page.next_cursor) if page.next_cursor else ""
    template = "_call_rows.html" if is_partial and cursor else "_call_table.html"
    return respond(
        request,
        desk,
        operator,
        template if is_partial else "calls.html",
        form=form,
        page=page,
        agents=agents,
        more=more,
        is_first=cursor is None,
        states=STATES,
        causes=tuple(EndCause),
    )
