"""Every dialog of the endpoint from its first breath to its burial.

A pj object must outlive its own last callback and be released on the control thread: calls and
ring ports that are over wait here for a second before they are let go.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import pjsua2 as pj

from trunkline.domain.audio import PTIME_MS
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegDescription
from trunkline.runtime.logging import get_logger
from trunkline.sip.call import PjCall
from trunkline.sip.control_thread import ControlThread, describe
from trunkline.sip.leg import SipLeg
from trunkline.sip.ring import RingPump
from trunkline.sip.stats import MEDIA_POLL_S

log = get_logger(__name__)

_RING_RX_MS: Final = 8000  # a loop that stands still for 5 s finds all that was said and heard
_RING_TX_MS: Final = 2000
_GRAVE_S: Final = 1.0


class Dialogs:
    """Methods belong to the control thread unless they say otherwise."""

    def __init__(
        self,
        control: ControlThread,
        loop: asyncio.AbstractEventLoop,
        pump: RingPump,
        *,
        media_timeout_s: float,
    ) -> None:
        self.control = control
        self.loop = loop
        self.pump = pump
        self._media_timeout_s = media_timeout_s
        self._media_poll_s = min(MEDIA_POLL_S, media_timeout_s / 4)
        self._calls: set[PjCall] = set()
        self._legs: weakref.WeakSet[SipLeg] = weakref.WeakSet()
        self._graveyard: deque[object] = deque()
        self._clips: dict[tuple[str, int], pj.AudioClip] = {}
        self._is_closed = False

    def open(self, account: pj.Account, call_id: int, direction: Direction) -> PjCall:
        """A dialog's object; also on PJSIP's thread, where an INVITE needs one at once."""
        call = PjCall(account, call_id, direction, on_over=self._on_over, on_media=self._on_media)
        self._calls.add(call)
        return call

    def discard(self, call: PjCall) -> None:
        """Forget a dialog that never came to be."""
        self._calls.discard(call)

    def new_leg(
        self,
        call: PjCall,
        description: LegDescription,
        codec: str,
        sample_rate_hz: int,
        agent: str = "",
    ) -> SipLeg:
        port = pj.RingAudioPort()
        port.create(description.leg_id, sample_rate_hz, PTIME_MS, _RING_RX_MS, _RING_TX_MS)
        clip = self._clips.get((agent, sample_rate_hz))
        if clip is not None:
            port.setClip(clip)
        call.admit(description.trunk, port, self._media_timeout_s)
        leg = SipLeg(self, self.loop, call, port, description, codec, sample_rate_hz)
        self._legs.add(leg)
        self.loop.call_soon_threadsafe(self.pump.add, leg)
        call.subscribe(leg.deliver)
        return leg

    def use_clip(self, agent: str, sample_rate_hz: int, pcm: bytes) -> None:
        self._clips[agent, sample_rate_hz] = pj.AudioClip(pcm)

    def live_by_trunk(self) -> Counter[str]:
        """Admitted and placed dialogs that are not over, by trunk; any thread."""
        return Counter(
            call.trunk_name for call in list(self._calls) if call.trunk_name and not call.is_over
        )

    def end_all(self, cause: EndCause) -> None:
        for call in list(self._calls):
            try:
                call.end(cause, None)
            except pj.Error as exc:
                log.info("dialog had ended already", error=describe(exc))

    def watch_media(self) -> None:
        """Read the counters of every call and end those whose media has died; again and again."""
        if self._is_closed:
            return
        now_s = time.monotonic()
        for call in list(self._calls):
            try:
                if call.is_media_dead(now_s):
                    log.warning("no media for too long", trunk=call.trunk_name)
                    call.end(EndCause.MEDIA_TIMEOUT, None)
            except pj.Error:
                continue  # the dialog ended between two lines; its own callback tells
        self.control.later(self._media_poll_s, self.watch_media)

    def has_ended_lately(self) -> bool:
        """A BYE may still be under way: some dialog is up or not yet released."""
        return bool(self._calls or self._graveyard)

    def close(self) -> None:
        """End what is up and let go of everything: pj objects must not outlive PJSIP."""
        self._is_closed = True
        self.end_all(EndCause.DRAINED)
        for leg in list(self._legs):
            leg.let_go()
        for call in self._calls:
            call.part()
            call.port = None
        self._calls.clear()
        self._graveyard.clear()
        self._clips.clear()

    def _on_media(self, call: PjCall) -> None:
        """Inside a media callback, where another call's lock must not be waited for."""
        if call.partner is not None:
            self._post(call.connect_partner)

    # --- burial ------------------------------------------------------------------------------

    def _on_over(self, call: PjCall) -> None:
        """Inside the call's own last callback, on PJSIP's thread or ours."""
        self._post(lambda: self._bury_call(call))

    def retire(self, call: PjCall, port: pj.RingAudioPort) -> None:
        """The leg, on the loop, has let go of both."""
        self._post(lambda: self._bury_port(call, port))

    def _post(self, work: Callable[[], None]) -> None:
        try:
            self.control.post(work)
        except TrunkError:  # shut down: close() has let go of everything, or is about to
            return

    def _bury_call(self, call: PjCall) -> None:
        self._calls.discard(call)
        call.part()
        self._bury(call)

    def _bury_port(self, call: PjCall, port: pj.RingAudioPort) -> None:
        call.port = None
        self._bury(port)

    def _bury(self, thing: object) -> None:
        if not self._is_closed:
            self._graveyard.append(thing)
            self.control.later(_GRAVE_S, self._release_one)

    def _release_one(self) -> None:
        if self._graveyard:
            self._graveyard.popleft()
