"""Which INVITEs become calls."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.calls.admission import Admit, Refuse, decide
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, Trunk, TrunkAuth

CARRIER = Trunk("carrier", TrunkAuth.SOURCE, ("203.0.113.0/24",), max_calls=2)
ROUTES = [
    NumberRoute("100", "energy", "local"),
    NumberRoute("+442071230000", "energy"),
    NumberRoute("+442071230000", "sales", "carrier"),
]


def ask(**changes: Any) -> Admit | Refuse:
    fields: dict[str, Any] = {
        "trunks": [CARRIER, LOCAL_TRUNK],
        "routes": ROUTES,
        "live": 0,
        "max_calls": 10,
        "draining": False,
        "source_ip": "203.0.113.7",
        "called": "+44 (20) 7123-0000",
    }
    return decide(**(fields | changes))


def test_a_known_source_and_number_is_admitted_by_the_trunks_own_route() -> None:
    verdict = ask()
    assert isinstance(verdict, Admit)
    assert (verdict.trunk, verdict.route.agent) == (CARRIER, "sales")


@pytest.mark.parametrize(
    ("changes", "status", "retry_after_s"),
    [
        ({"source_ip": "198.51.100.1"}, 403, None),
        ({"source_ip": "not an address"}, 403, None),
        ({"source_ip": "198.51.100.1", "called": "999", "draining": True}, 403, None),
        ({"called": "999"}, 404, None),
        ({"called": "100"}, 404, None),  # an extension of the local trunk only
        ({"called": "'; drop"}, 404, None),
        ({"draining": True}, 503, 30),
        ({"live": 10}, 503, 5),
        ({"live": 2, "live_by_trunk": {"carrier": 2}}, 503, 5),
        ({"called": "999", "draining": True}, 404, None),
    ],
)
def test_everything_else_is_refused_with_its_status(
    changes: dict[str, Any], status: int, retry_after_s: int | None
) -> None:
    verdict = ask(**changes)
    assert isinstance(verdict, Refuse)
    assert (verdict.sip_status, verdict.retry_after_s) == (status, retry_after_s)


def test_another_trunks_calls_do_not_count() -> None:
    assert isinstance(ask(live=5, live_by_trunk={"local": 5}), Admit)
