"""The SIP process: the edge and the calls above it, from start to a clean drain."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from trunkline.calls.compose import CallSide, call_side
from trunkline.calls.outbound_rules import dial_plan, outbound_rules
from trunkline.domain.errors import ConfigError
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, Trunk
from trunkline.runtime.certificate import Certificate, keep_renewing
from trunkline.runtime.health import HealthApp, serve_health
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import kept_up, nursery, stop_on_signals
from trunkline.sip.clips import Clips, clips
from trunkline.sip.config import EndpointConfig, Tls
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.front import sip_front
from trunkline.sip.headroom_watch import headroom_watch
from trunkline.sip.local_address import address_towards
from trunkline.sip.one_of_several import one_of_several
from trunkline.sip.reception import Reception
from trunkline.sip.switch import SipSwitch
from trunkline.sip.trunk_readings import tell_trunks
from trunkline.sip.trunks import configured_routes, configured_trunks, with_registrar_sources

log = get_logger(__name__)

# `trunkline up` gives this process 45 s to stop; goodbyes and the last facts need the rest.
DRAIN_S: Final = 30.0
# Calls are refused with 503 until the agents' lines are at hand, but not for ever: after this a
# call may come, and its session decides what can be done without them.
_WARM_S: Final = 20.0
_RESOLVE_AGAIN_S: Final = 300.0
_ANYWHERE: Final = "192.0.2.1"  # of documentation (RFC 5737): what leads to it leads out


def endpoint_config(settings: Settings) -> EndpointConfig:
    return EndpointConfig(
        bind_address=settings.bind_address,
        sip_port=settings.sip_port,
        public_address=settings.public_address,
        rtp_ports=settings.rtp_ports,
        max_calls=settings.max_calls,
        tls=tls_config(settings),
        sip_bind_address=settings.sip_bind_address,
        front=sip_front(
            inner=settings.front_inner,
            address=settings.front_address,
            own_host=settings.public_address or address_towards(_ANYWHERE) or "127.0.0.1",
            tls_port=settings.front_tls_port,
            edge=settings.edge_name,
        ),
        logs_messages=settings.log_level.lower() == "debug",
    )


def tls_config(settings: Settings) -> Tls | None:
    """None where SIP over TLS is not asked for; ConfigError names what is missing."""
    if not settings.sip_tls_port:
        return None
    if settings.sip_tls_cert is None or settings.sip_tls_key is None:
        raise ConfigError(
            "TRUNKLINE_SIP_TLS_PORT needs TRUNKLINE_SIP_TLS_CERT and TRUNKLINE_SIP_TLS_KEY: "
            "PEM files with the certificate chain and its key"
        )
    of_system = ssl.get_default_verify_paths().cafile
    ca_file = settings.sip_tls_ca_file or (Path(of_system) if of_system else None)
    if ca_file is not None and not ca_file.is_file():
        raise ConfigError(f"TRUNKLINE_SIP_TLS_CA_FILE: there is no file {ca_file}")
    if ca_file is None and settings.sip_tls_verify_peer:
        raise ConfigError("nobody is trusted to vouch for carriers: set TRUNKLINE_SIP_TLS_CA_FILE")
    return Tls(
        port=settings.sip_tls_port,
        certificate=settings.sip_tls_cert,
        key=settings.sip_tls_key,
        ca_file=ca_file,
        verifies_peer=settings.sip_tls_verify_peer,
    )


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; the exit status."""
    stop = stop_on_signals()
    configured = configured_trunks(settings)
    trunks = await with_registrar_sources(configured)
    routes = configured_routes(settings, trunks)
    config = endpoint_config(settings)
    certificate = Certificate(config.tls.certificate, config.tls.key) if config.tls else None
    async with call_side(settings) as calls:
        reception = Reception(
            trunks=trunks,
            routes=routes,
            max_calls=settings.max_calls,
            accept=calls.service.accept,
            takes_calls=False,
        )
        endpoint = Endpoint(config, reception=reception, trunks=trunks)
        plan = dial_plan(settings)
        calls.switch.connect(SipSwitch(endpoint, trunks, plan, outbound_rules(settings)))
        watch = headroom_watch(settings, endpoint, reception)
        late = clips(settings, lambda: [flow.agent for flow in calls.shelf.flows()], endpoint)

        async def open_and_measure() -> None:
            await _open_when_warm(calls, endpoint, late, reception, stop)
            tasks.start(kept_up("clips", late.keep), "clips")
            if settings.admission == "measured":
                await kept_up("headroom", watch.run)

        async with (
            one_of_several(settings, calls, endpoint, reception, stop) as several,
            endpoint.running(),
            nursery("edge") as tasks,
        ):
            _announce(endpoint, trunks, routes)
            tasks.start(open_and_measure(), "open")
            tasks.start(_resolve_again(configured, reception), "resolve")
            tasks.start(endpoint.watch.run(), "options")
            if several is not None:
                tasks.start(kept_up("fellows", several.run), "fellows")
            told_to = (settings.resolved_redis_url, calls.edge_id, endpoint, configured)
            tasks.start(kept_up("trunks", partial(tell_trunks, *told_to)), "trunks")
            if certificate is not None:
                tasks.start(keep_renewing(certificate, endpoint.renew_certificate), "certificate")

            async def takes_calls() -> str:
                return "" if reception.takes_calls else "no calls are taken: starting or draining"

            checks = {
                "lines": calls.lines_problem,
                "calls": takes_calls,
                "control": endpoint.problem,
                "headroom": watch.problem,
            }
            told = {"trunks": endpoint.trunk_states, "headroom": watch.figures}
            health = HealthApp(settings.resolved_edge_name, checks, told)
            async with serve_health(health, "127.0.0.1", settings.resolved_sip_health_port):
                await stop.wait()
                reception.takes_calls = False
                await endpoint.answer_options()
                if several is not None:
                    await several.leave()
                ended = await calls.service.drain(DRAIN_S)
    log.info("SIP edge has stopped", calls_ended_by_us=ended)
    return 0


def _announce(endpoint: Endpoint, trunks: Sequence[Trunk], routes: Sequence[NumberRoute]) -> None:
    log.info("SIP edge is listening", host=endpoint.sip_host, sip_port=endpoint.sip_port)
    for trunk in trunks:
        if trunk is LOCAL_TRUNK:
            log.info(
                "local trunk is on: anyone at a loopback or private address may call",
                sources=", ".join(trunk.sources),
                turn_off="TRUNKLINE_LOCAL_TRUNK=false",
            )
        else:
            log.info("trunk", trunk=trunk.name, auth=trunk.auth.value)
    if not trunks:
        log.warning("no trunk at all: every call is refused; configure one under [[trunks]]")
    log.info("numbers", routed=len(routes), agents=", ".join(sorted({r.agent for r in routes})))


async def _open_when_warm(
    calls: CallSide, endpoint: Endpoint, late: Clips, reception: Reception, stop: asyncio.Event
) -> None:
    if not await calls.service.warm(_WARM_S):
        log.warning("calls are taken before the agents' lines are rendered: no model server?")
    await late.load()
    # What is loaded by now stays: a collection that walks it all would hold a call's events up.
    gc.collect()
    gc.freeze()
    if not stop.is_set():
        reception.takes_calls = True
        await endpoint.answer_options()
        log.info("calls are taken")


async def _resolve_again(configured: Sequence[Trunk], reception: Reception) -> None:
    """A registrar's name may come to mean other addresses."""
    while True:
        await asyncio.sleep(_RESOLVE_AGAIN_S)
        reception.trunks = await with_registrar_sources(configured)
