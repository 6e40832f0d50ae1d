"""What an order for a call is measured against: dial plan, trunks, prices, caps, quiet hours.

Values only; the edge and the web build the same rules from the same settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import CallerError, Forbidden, Invalid
from trunkline.domain.quiet_hours import QuietHours
from trunkline.domain.tariff import FREE, Price, Tariff
from trunkline.domain.trunk import LOCAL_TRUNK, carries, normalise_number

GRANT_S: Final = 60
"""Seconds of talk that are reserved at a time."""


@dataclass(frozen=True, slots=True)
class OutboundTrunk:
    """A trunk that can dial: it has a registrar. ``caller_ids`` are numbers it may show.

    ``where`` is the registrar's host and port.
    """

    name: str
    where: tuple[str, str]
    caller_ids: tuple[str, ...] = ()
    tariff: Tariff = field(default_factory=Tariff)
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboundRoute:
    """Where a call goes: what is dialled, over which trunk, for how much."""

    target: str
    trunk: str
    price: Price
    caller_id: str = ""

    @property
    def first_grant_s(self) -> int:
        return max(GRANT_S, self.price.billing.first_s)


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """``spend_cap`` in millionths a day (UTC), None: no cap; ``max_calls`` placed ones at once."""

    plan: DialPlan = field(default_factory=DialPlan)
    trunks: tuple[OutboundTrunk, ...] = ()
    spend_cap: int | None = None
    max_calls: int = 10
    quiet_hours: QuietHours | None = None
    currency: str = "USD"

    def route(self, target: str, *, trunk: str = "", caller_id: str = "") -> OutboundRoute:
        """Invalid or Forbidden, with what to fix, when the call may not be made like this."""
        over = self._trunk_for(target, trunk)
        dialled = self.plan.check(target, leads_outside=over is not None)
        if over is None:
            if caller_id:
                raise Invalid("a SIP URI is called without a caller id", param="from")
            return OutboundRoute(dialled, LOCAL_TRUNK.name, FREE)
        return OutboundRoute(
            dialled, over.name, self._price(over, dialled), self._caller_id(over, caller_id)
        )

    def not_before(self, at: datetime) -> datetime:
        """``at``, or the end of the quiet hours that it falls into."""
        return at if self.quiet_hours is None else self.quiet_hours.over_at(at)

    def _trunk_for(self, target: str, wanted: str) -> OutboundTrunk | None:
        """None: a URI that leads to no trunk of ours."""
        if wanted and wanted not in {trunk.name for trunk in self.trunks}:
            able = ", ".join(trunk.name for trunk in self.trunks) or "none"
            raise Invalid(
                f"no trunk {wanted!r} can dial; those with a registrar can: {able}",
                code="no_such_trunk",
                param="trunk",
            )
        if target.startswith(("sip:", "sips:")):
            where = host_and_port(target)
            return next((trunk for trunk in self.trunks if trunk.where == where), None)
        return pick(self.trunks, wanted, target)

    def backups(self, target: str, *, trunk: str, caller_id: str = "") -> tuple[str, ...]:
        """Trunks that may carry the call when that one fails, in their order.

        They may show the same number and, where money is counted, cost no more.
        """
        if target.startswith(("sip:", "sips:")):
            return ()
        first = self.route(target, trunk=trunk, caller_id=caller_id)
        found = []
        for other in self.trunks:
            if other.name == trunk or not carries(other.prefixes, first.target):
                continue
            try:
                route = self.route(target, trunk=other.name, caller_id=caller_id)
            except CallerError:
                continue
            is_dearer = route.price.per_minute > first.price.per_minute
            if self.spend_cap is None or not is_dearer:
                found.append(other.name)
        return tuple(found)

    def _price(self, trunk: OutboundTrunk, dialled: str) -> Price:
        number = dialled
        if dialled.startswith(("sip:", "sips:")):
            number = dialled.partition(":")[2].partition("@")[0]
        price = trunk.tariff.price(normalise_number(number))
        if price is not None:
            return price
        if self.spend_cap is not None:
            raise Forbidden(
                f"trunk {trunk.name} has no price for this number, and there is a spend cap: add"
                " its prefix to the trunk's prices",
                code="no_price",
            )
        return FREE

    def _caller_id(self, trunk: OutboundTrunk, wanted: str) -> str:
        if not wanted:
            return ""
        number = normalise_number(wanted)
        if number not in trunk.caller_ids:
            shown = ", ".join(trunk.caller_ids) or "none"
            raise Forbidden(
                f"trunk {trunk.name} may not show this number; its caller_ids are: {shown}",
                code="caller_id_not_allowed",
            )
        return number


def pick(trunks: Sequence[OutboundTrunk], wanted: str, number: str) -> OutboundTrunk:
    """The trunk of that name, else the first that carries the number."""
    named = [trunk for trunk in trunks if trunk.name == wanted]
    able = [trunk for trunk in named or trunks if carries(trunk.prefixes, number)]
    if not able:
        raise Forbidden(
            "no trunk can dial a number like this: give one of [[trunks]] a registrar, and no"
            " prefixes or the number's",
            code="no_trunk",
        )
    return able[0]


def host_and_port(uri: str) -> tuple[str, str]:
    """``sip:user@host:port;params`` to host and port, ``5060`` when it names none."""
    rest = uri.partition(";")[0]
    for scheme in ("sip:", "sips:"):
        rest = rest.removeprefix(scheme)
    rest = rest.rpartition("@")[2]
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.lstrip(":")
    else:
        host, _, port = rest.partition(":") if rest.count(":") == 1 else (rest, "", "")
    return host, port if port.isdigit() else "5060"
