"""What ``trunkline doctor`` says of trunks: what the running edge knows of them."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from trunkline.cli.edge_slots import edge_slots
from trunkline.cli.findings import Finding, Status
from trunkline.runtime.settings import Settings, TrunkSettings

_REGISTERED = "trunkline_trunk_registered"
_UP = "trunkline_trunk_up"


async def trunks(settings: Settings) -> list[Finding]:
    """Whether each is registered, and answers OPTIONS if it is asked."""
    findings = []
    if settings.local_trunk:
        findings.append(
            Finding("trunk local", Status.OK, "loopback and private addresses reach number 100")
        )
    if not settings.trunks:
        return findings
    gauges = await _gauges_of_all(settings)
    if gauges is None:
        findings.append(
            Finding("trunks", Status.WARN, "the edge is not running", "run `trunkline up`")
        )
    return [*findings, *(_of(trunk, gauges) for trunk in settings.trunks)]


def _of(trunk: TrunkSettings, gauges: dict[tuple[str, str], bool] | None) -> Finding:
    subject = f"trunk {trunk.name}"
    known = gauges or {}
    if gauges is not None and trunk.auth == "register" and not known.get((_REGISTERED, trunk.name)):
        return Finding(
            subject,
            Status.FAIL,
            "not registered",
            "check registrar, username and password; the edge's log has the SIP status",
        )
    if known.get((_UP, trunk.name)) is False:
        return Finding(
            subject,
            Status.FAIL,
            "down: it does not answer OPTIONS",
            "check its registrar's address and the network; placed calls go over other trunks",
        )
    by = "registered" if trunk.auth == "register" and gauges is not None else ""
    if trunk.auth != "register":
        by = f"by source address: {', '.join(trunk.sources)}"
    answers = "answers OPTIONS" if known.get((_UP, trunk.name)) else ""
    return Finding(subject, Status.OK, ", ".join(filter(None, (by, answers))) or "configured")


async def _gauges_of_all(settings: Settings) -> dict[tuple[str, str], bool] | None:
    """Of several edges one registers for all, and a trunk is down when none has its answer."""
    found = [await _gauges(f"{slot.health_url}/metrics") for slot in edge_slots(settings)]
    heard = [gauges for gauges in found if gauges is not None]
    names = {name for gauges in heard for name in gauges}
    return {name: any(gauges.get(name) for gauges in heard) for name in names} if heard else None


async def _gauges(url: str) -> dict[tuple[str, str], bool] | None:
    """By metric and trunk; None when nobody answers."""
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return None
    return {
        (sample.name, sample.labels["trunk"]): sample.value == 1
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name in (_REGISTERED, _UP)
    }
