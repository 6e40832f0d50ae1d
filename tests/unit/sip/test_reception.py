from __future__ import annotations

from collections import Counter

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from trunkline.calls.admission import Admit, Refuse
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, Trunk, TrunkAuth
from trunkline.sip.invite import Invite
from trunkline.sip.leg import SipLeg
from trunkline.sip.rate_limit import SourceLimiter
from trunkline.sip.reception import Reception

ROUTES = (NumberRoute("100", "energy"), NumberRoute("+4416", "sales", "carrier"))
CARRIER = Trunk("carrier", TrunkAuth.REGISTER, sources=("203.0.113.7",), username="acct7")
NOBODY: Counter[str] = Counter()


def invite(source: str = "127.0.0.1", called: str = "100", to: str = "") -> Invite:
    return Invite(source, 5060, called, to or called, "555", "", "id", "")


def accept(leg: SipLeg, agent: str, at_ms: float) -> None:
    raise AssertionError("judging accepts nothing")


def reception(max_calls: int = 10, limiter: SourceLimiter | None = None) -> Reception:
    return Reception(
        trunks=(CARRIER, LOCAL_TRUNK),
        routes=ROUTES,
        max_calls=max_calls,
        accept=accept,
        limiter=limiter,
    )


def test_a_known_source_and_number_are_let_in() -> None:
    verdict = reception().judge(invite(), NOBODY, 0.0)
    assert isinstance(verdict, Admit)
    assert (verdict.trunk.name, verdict.route.agent) == ("local", "energy")


def test_a_registrars_call_is_routed_by_its_to_header() -> None:
    verdict = reception().judge(invite("203.0.113.7", "acct7", "+4416"), NOBODY, 0.0)
    assert isinstance(verdict, Admit)
    assert verdict.route.agent == "sales"


def test_a_stranger_gets_403_whatever_it_dials() -> None:
    for called in ("100", "999"):
        verdict = reception().judge(invite("198.51.100.1", called), NOBODY, 0.0)
        assert isinstance(verdict, Refuse)
        assert verdict.sip_status == 403


def test_an_unreadable_source_is_a_stranger() -> None:
    verdict = reception().judge(invite("not-an-address"), NOBODY, 0.0)
    assert isinstance(verdict, Refuse)
    assert verdict.sip_status == 403


def test_a_full_house_and_a_draining_one_say_when_to_try_again() -> None:
    full = reception(max_calls=1).judge(invite(), Counter({"carrier": 1}), 0.0)
    assert isinstance(full, Refuse)
    assert full.sip_status == 503
    assert full.retry_after_s
    leaving = reception()
    leaving.takes_calls = False
    verdict = leaving.judge(invite(), NOBODY, 0.0)
    assert isinstance(verdict, Refuse)
    assert verdict.sip_status == 503
    assert verdict.retry_after_s


def test_a_flood_from_a_stranger_fills_no_log() -> None:
    desk = reception(limiter=SourceLimiter(per_second=0.1, burst=5))
    with capture_logs() as logs:
        verdicts = [desk.judge(invite("198.51.100.1"), NOBODY, 0.0) for _ in range(500)]
    assert all(isinstance(v, Refuse) and v.sip_status == 403 for v in verdicts)
    assert len(logs) == 6, "five refusals and one line that says the source is limited"


def test_a_trunk_is_limited_by_its_own_figures_and_not_as_a_stranger() -> None:
    desk = reception(max_calls=10_000, limiter=SourceLimiter(per_second=0.1, burst=1))
    verdicts = [desk.judge(invite(), NOBODY, 0.0) for _ in range(LOCAL_TRUNK.calls_burst + 1)]
    assert all(isinstance(one, Admit) for one in verdicts[:-1])
    refused = verdicts[-1]
    assert isinstance(refused, Refuse)
    assert (refused.sip_status, refused.retry_after_s) == (503, 1)
    assert isinstance(desk.judge(invite(), NOBODY, 1.0), Admit)


def test_a_trunks_flood_is_counted_whole_and_logged_in_part() -> None:
    labels = {"trunk": "local"}
    before = REGISTRY.get_sample_value("trunkline_trunk_limited_total", labels) or 0
    desk = reception(max_calls=10_000)
    with capture_logs() as logs:
        for _ in range(LOCAL_TRUNK.calls_burst + 500):
            desk.judge(invite(), NOBODY, 0.0)
    assert REGISTRY.get_sample_value("trunkline_trunk_limited_total", labels) == before + 500
    assert len(logs) == 20


def test_refusals_are_counted_by_status_and_no_number_is_logged() -> None:
    name, labels = "trunkline_calls_refused_total", {"status": "404"}
    before = REGISTRY.get_sample_value(name, labels) or 0
    with capture_logs() as logs:
        reception().judge(invite(called="777"), NOBODY, 0.0)
    assert REGISTRY.get_sample_value(name, labels) == before + 1
    assert "777" not in str(logs)
    assert "555" not in str(logs)
