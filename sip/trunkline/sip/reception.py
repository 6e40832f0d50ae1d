"""What happens to an INVITE before it is a call: limited, judged, refused or let in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from trunkline.calls.admission import Admit, Refuse, Verdict, decide
from trunkline.calls.headroom import Headroom
from trunkline.domain.trunk import NumberRoute, Trunk, trunk_for_source
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import CALLS_REFUSED, TRUNK_CALLS, TRUNK_LIMITED, TRUNK_REFUSED
from trunkline.sip.invite import Invite, called_number
from trunkline.sip.leg import SipLeg
from trunkline.sip.rate_limit import Allowance, LineQuota, SourceLimiter, TrunkLimiter

log = get_logger(__name__)

Accept: TypeAlias = Callable[[SipLeg, str, float], None]
"""Given every admitted leg, its agent and the INVITE's monotonic milliseconds, on the loop."""


class Reception:
    """Judges on the control thread, with values only; trunks and routes may be replaced whole."""

    def __init__(
        self,
        *,
        trunks: Sequence[Trunk],
        routes: Sequence[NumberRoute],
        max_calls: int,
        accept: Accept,
        limiter: SourceLimiter | None = None,
        takes_calls: bool = True,
    ) -> None:
        self.trunks = tuple(trunks)
        self.routes = tuple(routes)
        self.takes_calls = takes_calls  # False while starting and draining: 503
        self.accept = accept
        self.headroom = Headroom()  # whoever measures puts its own here
        # Calls on the other edges, by trunk: a trunk's lines are the installation's.
        self.elsewhere: Callable[[], Mapping[str, int]] = dict
        self._max_calls = max_calls
        self._limiter = SourceLimiter() if limiter is None else limiter
        self._trunk_limiter = TrunkLimiter()
        self._lines = LineQuota()

    @property
    def wants_calls(self) -> bool:
        """What OPTIONS is answered by: calls are taken, and what is measured has room for them."""
        return self.takes_calls and self.headroom.is_open

    def judge(self, invite: Invite, live_by_trunk: Counter[str], now_s: float) -> Verdict:
        """The verdict on an INVITE. One beyond its allowance is not looked at any closer."""
        trunk = self.trunk_of(invite.source_ip)
        if trunk is None:
            allowance = self._limiter.ask(invite.source_ip, now_s)
            if allowance is not Allowance.ALLOWED:
                if allowance is Allowance.LIMITED_FIRST and self._lines.ask("", now_s) is not None:
                    log.warning("source limited", source_ip=invite.source_ip)
                return self._counted(Refuse(403, "source beyond its allowance"), None)
        elif wait_s := self._trunk_limiter.wait_s(trunk, now_s):
            TRUNK_LIMITED.labels(trunk=trunk.name).inc()
            return self._refused(
                Refuse(503, "trunk beyond its calls_per_second", wait_s), trunk, invite, now_s
            )
        verdict = decide(
            trunks=self.trunks,
            routes=self.routes,
            live=live_by_trunk.total(),
            max_calls=self._max_calls,
            draining=not self.takes_calls,
            source_ip=invite.source_ip,
            called=called_number(invite, trunk),
            live_by_trunk=live_by_trunk + Counter(self.elsewhere()),
            capacity=self.headroom.capacity,
        )
        if isinstance(verdict, Admit):
            TRUNK_CALLS.labels(trunk=verdict.trunk.name).inc()
            return verdict
        return self._refused(verdict, trunk, invite, now_s)

    def trunk_of(self, source_ip: str) -> Trunk | None:
        """Whose calls come from an address; any thread."""
        try:
            return trunk_for_source(self.trunks, source_ip)
        except ValueError:
            return None

    def _refused(
        self, verdict: Refuse, trunk: Trunk | None, invite: Invite, now_s: float
    ) -> Refuse:
        """Counted, and logged while there are few: a flood must not fill the disk."""
        left_out = self._lines.ask(trunk.name if trunk else "", now_s)
        if left_out is not None:
            log.info(
                "INVITE refused",
                sip_status=verdict.sip_status,
                reason=verdict.reason,
                source_ip=invite.source_ip,
                trunk=trunk.name if trunk else "",
                left_out_before=left_out,
            )
        return self._counted(verdict, trunk)

    @staticmethod
    def _counted(verdict: Refuse, trunk: Trunk | None) -> Refuse:
        status = str(verdict.sip_status)
        CALLS_REFUSED.labels(status=status).inc()
        if trunk is not None:
            TRUNK_REFUSED.labels(trunk=trunk.name, status=status).inc()
        return verdict
