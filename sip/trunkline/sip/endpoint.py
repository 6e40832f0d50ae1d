"""The one PJSIP endpoint of a process: its threads, transports, accounts and orderly end."""

from __future__ import annotations

import asyncio
import atexit
import gc
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pjsua2 as pj

from trunkline.calls.admission import Refuse
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.ids import new_leg_id
from trunkline.domain.leg import LegDescription
from trunkline.domain.trunk import LOCAL_TRUNK, Trunk
from trunkline.runtime.logging import get_logger
from trunkline.sip.account import Incoming, Registration, shown_uri, target_uri
from trunkline.sip.accounts import Accounts, from_its_source
from trunkline.sip.call import PjCall
from trunkline.sip.config import EndpointConfig, codec_priorities, enabled_codecs, ep_config
from trunkline.sip.control_thread import ControlThread, describe
from trunkline.sip.dialogs import Dialogs
from trunkline.sip.identity import identity_of
from trunkline.sip.invite import read_invite, split_address, uri_user
from trunkline.sip.leg import SipLeg
from trunkline.sip.local_address import address_towards, address_towards_uri
from trunkline.sip.open_files import raise_open_files
from trunkline.sip.pj_endpoint import PjEndpoint
from trunkline.sip.pj_log import PjLog
from trunkline.sip.reception import Reception
from trunkline.sip.registrations import Registrations
from trunkline.sip.ring import RingPump
from trunkline.sip.sdp import choose_codec, port_rate_hz
from trunkline.sip.stats import RingCounters
from trunkline.sip.transports import Transports
from trunkline.sip.trunk_watch import TrunkWatch, trunk_states

log = get_logger(__name__)

_BOOT_DEADLINE_S: Final = 20.0
_GOODBYE_DEADLINE_S: Final = 2.0
_ANSWER_S: Final = 1.5
_DESTROY_DEADLINE_S: Final = 15.0


class Endpoint:
    """Start it on the loop that its legs are to live on; one per process at a time.

    Without a ``reception`` it places calls only and refuses all that come.
    """

    def __init__(
        self,
        config: EndpointConfig,
        *,
        reception: Reception | None = None,
        trunks: Sequence[Trunk] = (),
    ) -> None:
        self._config = config
        self._reception = reception
        self._trunks = tuple(trunks)
        self._priorities = codec_priorities(config.codecs)
        self._enabled = enabled_codecs(config.codecs)
        self._log = PjLog()
        self._control = ControlThread(idle=self._log.drain)
        self._dialogs: Dialogs | None = None
        self._ep: PjEndpoint | None = None
        self._registrations = Registrations(
            self._control, lambda trunk: self._accounts.registering(trunk), config.backoff
        )
        self._accounts = Accounts(
            config,
            self._on_incoming,
            self._registrations.heard,
            lambda *told: self.watch.heard(*told),
        )
        self.watch = self.watching(*self._trunks)
        self._transports = Transports(config)
        self._is_stopped = False

    # --- life --------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Endpoint]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Bind and serve; ConfigError when a port is taken or an address is not ours."""
        raise_open_files()
        loop = asyncio.get_running_loop()
        pump = RingPump(loop)
        self._dialogs = Dialogs(
            self._control, loop, pump, media_timeout_s=self._config.media_timeout_s
        )
        self._control.start()
        atexit.register(self._last_resort)
        pump.start()
        try:
            await self._control.run(self._boot, deadline_s=_BOOT_DEADLINE_S)
        except BaseException:  # whatever it was, PJSIP must not stay half up
            await self.stop()
            raise

    def _boot(self) -> None:
        ep = self._ep = PjEndpoint(self._accounts, self._trunk_of, self._config.front)
        # PJLIB greets on standard output before any configuration reaches it.
        pj.pj_log_set_level(0)
        ep.libCreate()
        ep.libInit(ep_config(self._config, self._log))
        self._answer_options()  # before anybody can ask
        self._transports.open(ep)
        ep.audDevManager().setNullDev()
        ep.libStart()
        for codec, priority in self._priorities.items():
            ep.codecSetPriority(codec, priority)
        self._accounts.open(self._trunks, *self._known_at, self.tls_port)
        if self._config.front is None:  # else one edge of several does: `register`
            self._registrations.begin()
        self._live.watch_media()

    @property
    def _known_at(self) -> tuple[str, int]:  # host and port that messages give as ours
        front = self._config.front
        return (front.host, front.port) if front else (self.sip_host, self.sip_port)

    @property
    def sip_host(self) -> str:
        return self._transports.host

    @property
    def sip_port(self) -> int:
        return self._transports.port

    @property
    def tls_port(self) -> int:
        """0 without TLS."""
        return self._transports.tls_port

    def _trunk_of(self, source_ip: str) -> Trunk | None:
        return None if self._reception is None else self._reception.trunk_of(source_ip)

    def watching(self, *trunks: Trunk) -> TrunkWatch:
        """What asks them by OPTIONS whether they are up, once it runs."""
        return TrunkWatch(trunks, self._control, self._accounts.of)

    async def answer_options(self) -> None:
        """OPTIONS says whether calls are wanted, as of now: 200, or 503; dispatchers ask by it."""
        await self._control.run(self._answer_options)

    def _answer_options(self) -> None:
        wants_calls = self._reception is None or self._reception.wants_calls
        pj.answer_options_with(200 if wants_calls else 503)

    async def renew_certificate(self) -> None:
        """Show what the certificate's files hold now to whoever connects from now on."""

        def renew() -> None:
            if self._ep is not None:
                self._transports.renew_certificate(self._ep)

        await self._control.run(renew)

    async def stop(self) -> None:
        """Hang up what is up, unregister, release every pj object and end PJSIP."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._registrations.close()
        if self._ep is not None:
            await self.hang_up_all(EndCause.DRAINED)
        self._live.pump.stop()
        try:
            await self._control.run(self._destroy, deadline_s=_DESTROY_DEADLINE_S)
        finally:
            ended = await asyncio.to_thread(self._control.stop, _GOODBYE_DEADLINE_S)
            if not ended:
                log.error("the SIP control thread did not end")
            atexit.unregister(self._last_resort)

    async def hang_up_all(self, cause: EndCause) -> None:
        """End every dialog; their legs learn it before this returns."""
        await self._control.run(lambda: self._live.end_all(cause))
        # The ends were posted to this loop by the command: one turn of the loop delivers them.
        await asyncio.sleep(0)

    def _destroy(self) -> None:
        if self._ep is None:
            return
        ep, self._ep = self._ep, None
        # Without a registrar or a peer to say goodbye to there is no answer to wait a second for.
        says_goodbye = bool(self._registrations) or self._live.has_ended_lately()
        self._live.close()
        gc.collect()
        ep.libDestroy(0 if says_goodbye else pj.PJSUA_DESTROY_NO_RX_MSG)
        self._accounts.close()

    def _last_resort(self) -> None:
        """At interpreter exit: a process that leaves PJSIP up with a call hangs for ever."""
        try:
            self._control.post(self._destroy)
        except TrunkError:
            return
        self._control.stop(_DESTROY_DEADLINE_S)

    @property
    def _live(self) -> Dialogs:
        if self._dialogs is None:
            raise TrunkError("the SIP endpoint has not been started")
        return self._dialogs

    # --- inbound -----------------------------------------------------------------------------

    def _on_incoming(self, incoming: Incoming) -> None:
        """On PJSIP's thread: the dialog must have its object before this returns."""
        incoming = from_its_source(self._config.front, incoming)
        call = self._live.open(incoming.account, incoming.call_id, Direction.INBOUND)
        call.ladder.note(incoming.message, incoming.source, is_ours=False)
        call.hear(incoming.message)
        if self._config.finds_own_address:
            call.sdp_address = address_towards(split_address(incoming.source)[0])
        self._control.post(lambda: self._receive_or_refuse(call, incoming))

    def _receive_or_refuse(self, call: PjCall, incoming: Incoming) -> None:
        """An INVITE that we stumble over is answered with 500; it must not ring for ever."""
        try:
            self._receive(call, incoming)
        except BaseException as exc:  # pj.Error is no Exception of ours, and none may go unanswered
            log.error("an INVITE could not be taken", error=describe(exc))
            call.refuse(500, {})

    def _receive(self, call: PjCall, incoming: Incoming) -> None:
        if call.is_over:
            return
        if self._reception is None:
            call.refuse(480, {})
            return
        invite = read_invite(incoming.message, incoming.source)
        verdict = self._reception.judge(invite, self._live.live_by_trunk(), time.monotonic())
        if isinstance(verdict, Refuse):
            wait = verdict.retry_after_s
            call.refuse(verdict.sip_status, {} if wait is None else {"Retry-After": str(wait)})
            return
        identity = identity_of(invite, verdict.trunk)
        description = LegDescription(
            leg_id=new_leg_id(),
            direction=Direction.INBOUND,
            trunk=verdict.trunk.name,
            caller_number=invite.caller_number,
            called_number=verdict.route.number,
            caller_name=invite.caller_name,
            sip_call_id=invite.sip_call_id,
            caller_asserted=identity.asserted,
            diverted_from=identity.diverted_from,
            headers=identity.headers,
        )
        codec = choose_codec(invite.sdp, self._enabled)
        agent = verdict.route.agent
        leg = self._live.new_leg(call, description, codec, port_rate_hz(codec), agent)
        call.ring()
        self._live.loop.call_soon_threadsafe(self._reception.accept, leg, agent, incoming.at_ms)

    async def problem(self) -> str:
        """For ``/readyz``: empty while PJSIP's control thread carries out what it is told."""
        try:
            await self._control.run(lambda: None, deadline_s=_ANSWER_S)
        except TrunkError as exc:
            return exc.message
        return ""

    @property
    def live_count(self) -> int:
        """Admitted or placed calls whose dialogs are not over."""
        return self._live.live_by_trunk().total()

    def live_by_trunk(self) -> Mapping[str, int]:
        return self._live.live_by_trunk()

    def live_on(self, trunk: str) -> int:
        """On the other edges behind our front, too."""
        others = self._reception.elsewhere().get(trunk, 0) if self._reception else 0
        return self.live_by_trunk()[trunk] + others

    def ring_counters(self) -> dict[str, RingCounters]:
        """Of every leg that is up, by its id; on the loop."""
        legs = [leg for leg in self._live.pump.readers if isinstance(leg, SipLeg)]
        found = ((leg.description.leg_id, leg.ring_counters()) for leg in legs)
        return {leg_id: counters for leg_id, counters in found if counters is not None}

    # --- outbound ----------------------------------------------------------------------------

    async def place(
        self,
        target: str,
        *,
        trunk: Trunk = LOCAL_TRUNK,
        sample_rate_hz: int = 8000,
        headers: Mapping[str, str] | None = None,
        caller_id: str = "",
        agent: str = "",
    ) -> SipLeg:
        """Send an INVITE; ``target`` is a SIP URI, or a number at the trunk's registrar.

        ``caller_id`` is a number to show instead of the account's own; ``agent`` is whose clip
        covers speech that is late.

        The leg's rate is the caller's choice: the codec is known only when the far end answers.
        ``SipLeg.wait_for_media`` waits for that.
        """
        uri = target_uri(target, trunk)
        given = dict(headers or {})
        shown = shown_uri(caller_id, trunk, *self._known_at) if caller_id else ""
        if shown:
            # Within a trust domain we vouch ourselves (RFC 3325 §9.1), elsewhere we ask (§9.2).
            kind = "P-Asserted-Identity" if trunk.is_trusted else "P-Preferred-Identity"
            given.setdefault(kind, f"<{shown}>")
        ours = await address_towards_uri(uri) if self._config.finds_own_address else ""
        made: list[SipLeg] = []
        unwanted = threading.Event()

        def place() -> SipLeg:
            leg = self._place(
                uri,
                trunk,
                sample_rate_hz,
                given,
                ours,
                caller_id=caller_id,
                shown=shown,
                agent=agent,
            )
            made.append(leg)
            if unwanted.is_set():
                leg.give_up()
            return leg

        try:
            return await self._control.run(place)
        except (asyncio.CancelledError, TrunkError):
            unwanted.set()  # a phone that nobody waits for any more must not ring
            for leg in made:
                leg.give_up()
            raise

    def _place(
        self,
        uri: str,
        trunk: Trunk,
        sample_rate_hz: int,
        headers: Mapping[str, str],
        sdp_address: str,
        *,
        caller_id: str,
        shown: str,
        agent: str,
    ) -> SipLeg:
        account = self._accounts.of(trunk.name, uri)
        call = self._live.open(account, pj.PJSUA_INVALID_ID, Direction.OUTBOUND)
        call.sdp_address = sdp_address
        description = LegDescription(
            leg_id=new_leg_id(),
            direction=Direction.OUTBOUND,
            trunk=trunk.name,
            caller_number=caller_id or trunk.username,
            called_number=uri_user(uri),
        )
        leg = self._live.new_leg(call, description, "", sample_rate_hz, agent)
        try:
            call.dial(uri, headers, shown)
        except pj.Error as exc:
            self._live.discard(call)
            raise TrunkError(f"cannot call over trunk {trunk.name}: {exc.reason}") from None
        return leg

    async def use_clip(self, agent: str, sample_rate_hz: int, pcm: bytes) -> None:
        """What an agent's calls from now on play when speech is owed and 1.5 s late."""
        await self._control.run(lambda: self._live.use_clip(agent, sample_rate_hz, pcm))

    # --- trunks ------------------------------------------------------------------------------

    async def register(self, *, wanted: bool) -> None:
        """Behind a front one edge registers for all; without one every trunk is from the start."""
        await self._control.run(self._registrations.begin if wanted else self._registrations.leave)

    def registrations(self) -> tuple[Registration, ...]:
        return self._registrations.states()

    def trunk_states(self) -> dict[str, dict[str, bool | str]]:
        """For ``/readyz``."""
        return trunk_states(self._trunks, self.registrations(), self.watch.health())
