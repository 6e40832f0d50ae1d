"""Trunks and numbers from the settings, and where a registrar's calls come from."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from trunkline.domain.dial_plan import as_prefixes
from trunkline.domain.errors import ConfigError, Invalid
from trunkline.domain.trunk import (
    LOCAL_TRUNK,
    NumberRoute,
    Srtp,
    Trunk,
    TrunkAuth,
    normalise_number,
)
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import NumberSettings, Settings, TrunkSettings

log = get_logger(__name__)

_RESOLVE_DEADLINE_S: Final = 5.0
_X_HEADER: Final = re.compile(r"x-[a-z0-9_-]{1,60}")


def configured_trunks(settings: Settings) -> tuple[Trunk, ...]:
    """Every configured trunk, the built-in local one last; ConfigError names what to fix."""
    trunks = [_trunk(one) for one in settings.trunks]
    names = [trunk.name for trunk in trunks]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"trunks: the name {', '.join(sorted(twice))} is used twice")
    if LOCAL_TRUNK.name in names:
        raise ConfigError("trunks: the name 'local' belongs to the built-in trunk")
    return (*trunks, LOCAL_TRUNK) if settings.local_trunk else tuple(trunks)


def _trunk(given: TrunkSettings) -> Trunk:
    where = f"trunk {given.name}"
    if given.auth not in (TrunkAuth.REGISTER, TrunkAuth.SOURCE):
        raise ConfigError(f"{where}: auth is {given.auth!r}; use 'register' or 'source'")
    auth = TrunkAuth(given.auth)
    for network in given.sources:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise ConfigError(
                f"{where}: {network!r} in sources is no address or network; write for example "
                "'203.0.113.7' or '203.0.113.0/24'"
            ) from None
    if auth is TrunkAuth.SOURCE and not given.sources:
        raise ConfigError(f"{where}: auth 'source' needs sources, the carrier's addresses")
    if auth is TrunkAuth.REGISTER and not (given.registrar and given.username):
        raise ConfigError(f"{where}: auth 'register' needs registrar and username")
    if given.srtp not in tuple(Srtp):
        raise ConfigError(f"{where}: srtp is {given.srtp!r}; use {', '.join(Srtp)}")
    headers = tuple(name.lower() for name in given.headers)
    if wrong := [name for name in headers if not _X_HEADER.fullmatch(name)]:
        raise ConfigError(
            f"{where}: {wrong[0]!r} in headers is no X- header; write for example 'X-Customer'"
        )
    return Trunk(
        name=given.name,
        auth=auth,
        sources=given.sources,
        registrar=given.registrar,
        username=given.username,
        password=given.password.get_secret_value(),
        realm=given.realm,
        outbound_proxy=given.outbound_proxy,
        expires_s=given.expires_s,
        max_calls=given.max_calls,
        calls_per_second=given.calls_per_second,
        calls_burst=given.calls_burst,
        srtp=Srtp(given.srtp),
        is_trusted=given.trusted,
        headers=headers,
        options_s=given.options_s,
        prefixes=as_prefixes(given.prefixes),
    )


def configured_routes(settings: Settings, trunks: Sequence[Trunk]) -> tuple[NumberRoute, ...]:
    """Every number that is served, the sample agent's included."""
    names = {trunk.name for trunk in trunks}
    return tuple(_route(one, names) for one in settings.served_numbers())


def _route(given: NumberSettings, trunk_names: set[str]) -> NumberRoute:
    try:
        number = normalise_number(given.number)
    except Invalid as exc:
        raise ConfigError(f"numbers: {exc.message}") from None
    if given.trunk is not None and given.trunk not in trunk_names:
        raise ConfigError(f"number {number}: there is no trunk {given.trunk!r}")
    return NumberRoute(number, given.agent, given.trunk)


def sip_host(uri: str) -> str:
    """The bare host of ``sip:host[:port][;params]`` or of ``host[:port]``."""
    rest = uri.partition(";")[0]
    for scheme in ("sip:", "sips:"):
        rest = rest.removeprefix(scheme)
    rest = rest.rpartition("@")[2]
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    return rest.partition(":")[0] if rest.count(":") == 1 else rest


async def with_registrar_sources(trunks: Sequence[Trunk]) -> tuple[Trunk, ...]:
    """Registering trunks admit what their registrar's and proxy's names resolve to now."""
    return tuple([await _with_sources(trunk) for trunk in trunks])


async def _with_sources(trunk: Trunk) -> Trunk:
    if trunk.auth is not TrunkAuth.REGISTER:
        return trunk
    found: list[str] = []
    for uri in filter(None, (trunk.registrar, trunk.outbound_proxy)):
        try:
            async with asyncio.timeout(_RESOLVE_DEADLINE_S):
                answers = await asyncio.get_running_loop().getaddrinfo(
                    sip_host(uri), None, type=socket.SOCK_DGRAM
                )
        except (OSError, TimeoutError):
            log.warning("registrar's name does not resolve", trunk=trunk.name)
            continue
        found += [str(address[0]) for *_, address in answers]
    sources = tuple(dict.fromkeys((*trunk.sources, *found)))
    return replace(trunk, sources=sources)
