"""What ``trunkline doctor`` says of placed calls: whom may be called, over what, for how much."""

from __future__ import annotations

from trunkline.calls.outbound_rules import outbound_rules
from trunkline.cli.findings import Finding, Status
from trunkline.domain.errors import ConfigError
from trunkline.domain.outbound import OutboundRules
from trunkline.domain.tariff import as_amount
from trunkline.runtime.settings import Settings

_SUBJECT = "placed calls"


async def outbound(settings: Settings) -> list[Finding]:
    try:
        rules = outbound_rules(settings)
    except ConfigError as exc:
        return [Finding(_SUBJECT, Status.FAIL, exc.message, "correct the setting it names")]
    if not rules.plan.prefixes:
        detail = "no number may be called"
        return [Finding(_SUBJECT, Status.OK, detail, "TRUNKLINE_OUTBOUND_PREFIXES allows some")]
    findings = list(_problems(rules))
    if not findings:
        cap = "" if rules.spend_cap is None else f", {as_amount(rules.spend_cap)} {rules.currency}"
        trunks = ", ".join(trunk.name for trunk in rules.trunks)
        detail = f"{', '.join(rules.plan.prefixes)} over {trunks}{cap} a day"
        findings.append(Finding(_SUBJECT, Status.OK, detail))
    return findings


def _problems(rules: OutboundRules) -> list[Finding]:
    found = []
    if not rules.trunks:
        detail = "numbers are allowed and no trunk can dial them"
        found.append(Finding(_SUBJECT, Status.FAIL, detail, "give a trunk a registrar"))
    elif rules.spend_cap is None:
        detail = "no spend cap: placed calls may cost any amount"
        found.append(Finding(_SUBJECT, Status.WARN, detail, "set TRUNKLINE_OUTBOUND_SPEND_CAP"))
    else:
        unpriced = [
            prefix
            for prefix in rules.plan.prefixes
            if not any(
                priced.startswith(prefix) or prefix.startswith(priced)
                for trunk in rules.trunks
                for priced in trunk.tariff.prices
            )
        ]
        if unpriced:
            detail = f"no trunk has a price for {', '.join(unpriced)}: they are refused"
            found.append(Finding(_SUBJECT, Status.WARN, detail, "add them to a trunk's prices"))
    return found
