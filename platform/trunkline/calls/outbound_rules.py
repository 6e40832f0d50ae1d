"""The rules of placed calls, from the settings."""

from __future__ import annotations

from trunkline.domain.dial_plan import DialPlan, as_hosts, as_prefixes
from trunkline.domain.errors import ConfigError, Invalid
from trunkline.domain.outbound import OutboundRules, OutboundTrunk, host_and_port
from trunkline.domain.quiet_hours import as_quiet_hours
from trunkline.domain.tariff import as_millionths, as_tariff
from trunkline.domain.trunk import LOCAL_TRUNK, normalise_number
from trunkline.runtime.settings import Settings, TrunkSettings


def outbound_rules(settings: Settings) -> OutboundRules:
    """ConfigError names the setting that is wrong."""
    try:
        cap = settings.outbound_spend_cap
        return OutboundRules(
            plan=dial_plan(settings),
            trunks=tuple(_trunk(one, settings) for one in settings.trunks if one.registrar),
            spend_cap=None if cap is None else as_millionths(cap),
            max_calls=settings.outbound_max_calls,
            quiet_hours=as_quiet_hours(settings.outbound_quiet_hours),
            currency=settings.currency,
        )
    except Invalid as exc:
        raise ConfigError(f"outbound calls: {exc.message}") from None


def dial_plan(settings: Settings) -> DialPlan:
    """Without ``outbound_hosts`` SIP URIs lead to trunks, and in a lab to private networks.

    A lab is where the built-in local trunk is on. Raises Invalid.
    """
    in_lab = ("localhost", *LOCAL_TRUNK.sources) if settings.local_trunk else ()
    return DialPlan(
        as_prefixes(settings.outbound_prefixes), as_hosts(settings.outbound_hosts) or in_lab
    )


def _trunk(given: TrunkSettings, settings: Settings) -> OutboundTrunk:
    """Its numbers may be shown too: those routed over it, or over any trunk."""
    try:
        numbers = [*given.caller_ids]
        numbers += [one.number for one in settings.numbers if one.trunk in (None, given.name)]
        return OutboundTrunk(
            name=given.name,
            where=host_and_port(given.registrar),
            caller_ids=tuple(dict.fromkeys(normalise_number(number) for number in numbers)),
            tariff=as_tariff(given.prices, given.billing),
            prefixes=as_prefixes(given.prefixes),
        )
    except Invalid as exc:
        raise ConfigError(f"trunk {given.name}: {exc.message}") from None
