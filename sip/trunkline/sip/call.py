"""One SIP dialog: PJSIP's callbacks turned into leg events, our commands into PJSIP calls.

Callbacks come on PJSIP's worker thread (or on ours, inside a command). Each catches everything,
because an exception that escapes into C++ ends the process, and only posts. Media is connected
inside its callback: PJSIP holds the call there, so the stream's bridge slot cannot pass to
another call meanwhile. Everything under "commands" runs on the control thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import pjsua2 as pj

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import (
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEvent,
    LegHeld,
    LegMediaStarted,
    LegRinging,
    LegTransferProgress,
    LegUnheld,
)
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import KEYS_DROPPED
from trunkline.sip.call_options import (
    add_headers,
    audio_only,
    message_of,
    received_message,
    with_status,
)
from trunkline.sip.causes import FAREWELLS, end_cause, reason_header, reason_in
from trunkline.sip.config import CODECS
from trunkline.sip.control_thread import describe
from trunkline.sip.info_digits import INFO_DIGIT_MS, digit_in_info
from trunkline.sip.keys import KeyQuota
from trunkline.sip.ladder import Ladder
from trunkline.sip.media_watch import MediaWatch
from trunkline.sip.sdp import choose_codec, with_address
from trunkline.sip.stats import MediaCounters
from trunkline.sip.wire_text import one_line

log = get_logger(__name__)

P = ParamSpec("P")
S = TypeVar("S")

_LIVE_MEDIA: Final = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
_PJ_EINVALIDOP: Final = 70013
_TERMINATED: Final = 171_140  # PJSIP_ESESSIONTERMINATED; SWIG leaves it out
_DTMF_IS_UPDATE: Final = 1  # pjmedia_stream_dtmf_event_flags; SWIG leaves it out


def guarded(callback: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """A PJSIP callback from which nothing escapes, SystemExit included."""

    def safe(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except BaseException as exc:  # an escape stops PJSIP's thread, and with it every call
            try:
                log.error("SIP callback failed", callback=callback.__name__, error=describe(exc))
            except BaseException:  # logging itself may fail while the interpreter is ending
                return

    return safe


class PjCall(pj.Call):
    """A dialog from INVITE to its end; ``port`` is set before any media can flow."""

    def __init__(
        self,
        account: pj.Account,
        call_id: int,
        direction: Direction,
        *,
        on_over: Callable[[PjCall], None],
        on_media: Callable[[PjCall], None] = lambda _: None,
    ) -> None:
        super().__init__(account, call_id)
        self.direction = direction
        self.trunk_name = ""  # set when the call is admitted
        self.port: pj.RingAudioPort | None = None
        self.sdp_address = ""  # ours towards this peer, where PJSIP would guess another
        self.is_media_up = False
        self.is_answered = False
        self.is_held = False
        self.has_held_peer = False
        self.is_over = False
        self.has_rung = False
        self.hears_tones = False  # their SDP knew no telephone-event: keys may come as sound
        self.is_heard = False  # the far end has sent something, a 100 at least
        self.partner: PjCall | None = None  # whose far end hears ours, and is heard by it
        self._on_over = on_over
        self._on_media = on_media
        self._deliver: Callable[[LegEvent], None] | None = None
        self._ended: LegEnded | None = None
        self._cause: EndCause | None = None
        self._keys = KeyQuota()
        self.ladder = Ladder()
        self.watch = MediaWatch(self)

    @property
    def media(self) -> MediaCounters:
        return self.watch.counters

    def subscribe(self, deliver: Callable[[LegEvent], None]) -> None:
        """Hand events to ``deliver`` (any thread); an end that has already come is handed now."""
        self._deliver = deliver
        if self._ended is not None:
            deliver(self._ended)

    def _post(self, event: LegEvent) -> None:
        if self._deliver is not None:
            self._deliver(event)

    # --- callbacks ---------------------------------------------------------------------------

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        state = self.getInfo()
        self._note(prm.e)
        if state.state == pj.PJSIP_INV_STATE_CONFIRMED:
            if self.direction is Direction.OUTBOUND and not self.is_answered:
                self._post(LegAnswered())
            self.is_answered = True
            return
        if state.state == pj.PJSIP_INV_STATE_EARLY and self.direction is Direction.OUTBOUND:
            self._post(LegRinging())
        if state.state != pj.PJSIP_INV_STATE_DISCONNECTED or self.is_over:
            return
        self.is_over = True
        message = received_message(prm.e)
        if self.is_answered and not message:
            self.ladder.said_goodbye()
        reason = reason_in(message)
        cause = self._cause or end_cause(
            self.direction,
            self.is_answered,
            state.lastStatusCode,
            reason,
            is_our_own=not message,
        )
        text = (reason.text if reason else "") or state.lastReason
        self._ended = LegEnded(
            cause,
            state.lastStatusCode or None,
            one_line(text),
            self.ladder.steps(),
            self.watch.problem,
        )
        self._post(self._ended)
        self._on_over(self)

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        self._note(prm.e)

    def hear(self, message: str) -> None:
        """What a message of the far end's says of keys; on PJSIP's thread."""
        if "m=audio" in message:
            self.hears_tones = "telephone-event" not in message.lower()
        digit = digit_in_info(message)
        if digit:
            self._press(digit, INFO_DIGIT_MS)

    def _press(self, digit: str, duration_ms: int | None) -> None:
        if self._keys.allows(time.monotonic()):
            self._post(LegDigit(digit, duration_ms))
            return
        KEYS_DROPPED.inc()
        if self._keys.dropped == 1:
            log.warning("keys come faster than anybody presses them", trunk=self.trunk_name)

    def _note(self, event: Any) -> None:
        message, peer, is_ours = message_of(event)
        if message:
            if not is_ours:
                self.hear(message)
            self.ladder.note(message, peer, is_ours=is_ours)
            self.is_heard = self.is_heard or not is_ours

    @guarded
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        if self.sdp_address:
            prm.sdp.wholeSdp = with_address(prm.sdp.wholeSdp, self.sdp_address)

    @guarded
    def onCallRxOffer(self, prm: pj.OnCallRxOfferParam) -> None:
        # Inside a call PJSIP answers an offer of nothing that we know with 500, and loses its
        # footing; RFC 3261 §14.2 asks for 488 and the session as it was.
        if not choose_codec(prm.offer.wholeSdp, CODECS):
            prm.statusCode = 488

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        port = self.port
        if port is None or self.is_over:
            return
        state = self.getInfo()  # kept by name: its list dies with it
        for media in state.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in _LIVE_MEDIA:
                self._connect(port, media)
                return

    def _connect(self, port: pj.RingAudioPort, media: pj.CallMediaInfo) -> None:
        stream = self.getAudioMedia(media.index)
        self.is_media_up = True
        # A re-INVITE makes the stream anew: it is connected again, the port stays.
        stream.startTransmit(port)
        port.startTransmit(stream)
        form = self.getStreamInfo(media.index)
        self._on_media(self)
        self._post(LegMediaStarted(f"{form.codecName}/{form.codecClockRate}"))
        is_held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
        if is_held != self.is_held:
            self.is_held = is_held
            self._post(LegHeld() if is_held else LegUnheld())

    @guarded
    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:
        self.watch.stream_ends(prm.streamIdx)

    @guarded
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:
        # Only the first packet of an RFC 4733 event counts; its updates tell the duration alone.
        if prm.flags & _DTMF_IS_UPDATE:
            return
        by_info = prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO
        self._press(prm.digit.upper(), prm.duration if by_info else None)

    @guarded
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        status = int(prm.statusCode)
        # After a final status PJSIP ends the subscription itself, whether or not the peer has.
        is_final = bool(prm.finalNotify) or status >= 200
        self._post(LegTransferProgress(status, one_line(prm.reason), is_final))

    @guarded
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        # Nobody may send an agent's call elsewhere.
        prm.statusCode = 603

    @guarded
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        prm.statusCode = 603
        prm.reason = "Decline"

    # --- commands ----------------------------------------------------------------------------

    def ring(self) -> None:
        """180, once; a caller whose CANCEL has just come is told nothing, and her end tells us."""
        if self.has_rung:
            return
        self.has_rung = True
        try:
            self._respond(180)
        except pj.Error as exc:
            if exc.status != _TERMINATED:
                raise

    def accept(self) -> None:
        try:
            self._respond(200)
        except pj.Error as exc:
            raise TrunkError(f"the call is over: {exc.reason}", sip_status=487) from None

    def refuse(self, sip_status: int, headers: Mapping[str, str]) -> None:
        """A final answer to an INVITE that becomes no call."""
        self._cause = EndCause.REJECTED
        self._hang_up(with_status(sip_status, headers))

    def end(self, cause: EndCause, sip_status: int | None) -> None:
        """BYE, CANCEL or a final response: PJSIP knows which the dialog needs."""
        if self.is_over:
            return
        self._cause = cause
        status = 0
        if self.direction is Direction.INBOUND and not self.is_answered:
            status = sip_status or FAREWELLS[cause].sip_status
        self._hang_up(with_status(status, {"Reason": reason_header(cause)}))

    def hold_peer(self) -> bool:
        """False: an offer is still open, ours or the peer's; try again (RFC 3261 §14.1)."""
        if not self._offer(self.setHold, audio_only()):
            return False
        self.has_held_peer = True
        return True

    def unhold_peer(self) -> bool:
        """False: as in hold_peer."""
        options = audio_only()
        options.opt.flag = pj.PJSUA_CALL_UNHOLD
        if not self._offer(self.reinvite, options):
            return False
        self.has_held_peer = False
        return True

    @staticmethod
    def _offer(send: Callable[[pj.CallOpParam], None], options: pj.CallOpParam) -> bool:
        try:
            send(options)
        except pj.Error as exc:
            if exc.status != _PJ_EINVALIDOP:
                raise
            return False
        return True

    def dial(self, uri: str, headers: Mapping[str, str], shown: str = "") -> None:
        """``shown`` is the URI that From gives instead of the account's own."""
        options = audio_only()
        options.txOption.localUri = shown
        add_headers(options, headers)
        self.makeCall(uri, options)

    def refer(self, target_uri: str) -> None:
        self.xfer(target_uri, pj.CallOpParam(True))

    def join(self, other: PjCall) -> None:
        """Let the two far ends hear each other, now and after every re-INVITE of either."""
        self.partner, other.partner = other, self
        self.connect_partner()

    def part(self) -> None:
        """Let go of the partner: neither may keep the other's object alive."""
        other, self.partner = self.partner, None
        if other is not None and other.partner is self:
            other.partner = None

    def connect_partner(self) -> None:
        """Stream to stream, both ways, in the media bridge. On the control thread."""
        other = self.partner
        if other is None or self.is_over or other.is_over:
            return
        ours, theirs = self._stream(), other._stream()
        if ours is None or theirs is None:
            return  # whichever comes later connects both
        ours.startTransmit(theirs)
        theirs.startTransmit(ours)
        if not (self._has_slot(ours) and other._has_slot(theirs)):
            # A re-INVITE came between the lines, and the slot may be another call's by now.
            ours.stopTransmit(theirs)
            theirs.stopTransmit(ours)

    def _stream(self) -> pj.AudioMedia | None:
        state = self.getInfo()
        for media in state.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in _LIVE_MEDIA:
                return self.getAudioMedia(media.index)
        return None

    def _has_slot(self, stream: pj.AudioMedia) -> bool:
        now = self._stream()
        return now is not None and now.getPortId() == stream.getPortId()

    def dial_digits(self, digits: str, duration_ms: int) -> None:
        request = pj.CallSendDtmfParam()
        request.method = pj.PJSUA_DTMF_METHOD_RFC2833
        request.digits = digits
        request.duration = duration_ms
        try:
            self.sendDtmf(request)
        except pj.Error as exc:
            raise TrunkError(f"the far end takes no DTMF (RFC 4733): {exc.reason}") from None

    def admit(self, trunk_name: str, port: pj.RingAudioPort, media_timeout_s: float) -> None:
        """It is a call now: it counts as the trunk's, and its media will meet the port."""
        self.trunk_name = trunk_name
        self.port = port
        self.watch.begin(media_timeout_s)

    def is_media_dead(self, now_s: float) -> bool:
        """Read the live stream's counters; True when RTP has failed to come for too long."""
        if self.is_over or not self.is_media_up:
            return False
        expects_media = self.is_answered and not self.is_held and not self.has_held_peer
        return self.watch.look(now_s, expects_media=expects_media)

    def _respond(self, sip_status: int) -> None:
        options = audio_only()
        options.statusCode = sip_status
        self.answer(options)

    def _hang_up(self, how: pj.CallOpParam) -> None:
        try:
            self.hangup(how)
        except pj.Error as exc:  # the far end was first, by an instant: what we wanted has come
            if exc.status != _TERMINATED:
                raise
