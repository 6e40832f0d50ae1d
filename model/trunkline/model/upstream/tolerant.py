"""A far end that now and then says wrong things is still of use: malformed events are passed by."""

from __future__ import annotations

from typing import Any, Final

from trunkline.domain.errors import EngineProtocolError
from trunkline.domain.events import Json
from trunkline.realtime.beta_client import BetaClientProtocol
from trunkline.realtime.protocol import ClientProtocol
from trunkline.realtime.server_events import ServerEvent, UnknownEvent
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import UPSTREAM_FAILURES

log = get_logger(__name__)

MAX_MALFORMED: Final = 20


class _Tolerant(ClientProtocol):
    """A known event of a wrong shape becomes an unknown one, unless nothing but such events come; a
    frame that is no event at all ends the session at once."""

    malformed = 0  # in a row

    def _event(self, document: dict[str, Json]) -> ServerEvent:
        kind: Any = document["type"]
        try:
            event = super()._event(document)
        except EngineProtocolError:
            self.malformed += 1
            UPSTREAM_FAILURES.labels(code="malformed_event").inc()
            if self.malformed > MAX_MALFORMED:
                raise
            log.warning("the upstream sent a malformed event", event_type=str(kind)[:64])
            return UnknownEvent(type=str(kind)[:64])
        self.malformed = 0
        return event


class TolerantProtocol(_Tolerant):
    """The GA generation."""


class TolerantBetaProtocol(_Tolerant, BetaClientProtocol):
    """The beta generation: translated first, then judged."""


def tolerant_protocol(generation: str) -> ClientProtocol:
    return TolerantBetaProtocol() if generation == "beta" else TolerantProtocol()
