from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trunkline.domain.errors import Forbidden, ProtocolError, TooMany, Unauthorized
from trunkline.model.access import Access
from trunkline.model.authority import Principal
from trunkline.model.client_secrets import ClientSecrets, StartConfig
from trunkline.model.house_redis import HouseRedis
from trunkline.model.quotas import Quota, Quotas
from trunkline.model.usage import SessionMeter, UsageSink
from trunkline.realtime import server_events as ev
from trunkline.realtime.model_table import ModelTable, cost_of
from trunkline.realtime.responses import InputTokenDetails, OutputTokenDetails, Response, Usage
from trunkline.realtime.usage import TokenUsage, decode_usage, encode_usage
from trunkline.runtime.model_settings import ModelSettings, PriceSettings


class HandClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> float:
        return self.at.timestamp() * 1000

    def go(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class OneKey:
    """An Authority of one owner, who may be put out of force."""

    def __init__(self) -> None:
        self.principal: Principal | None = Principal("key_a", frozenset({"realtime"}))

    def authenticate(self, key: str | None) -> Principal:
        if key != "tk_a" or self.principal is None:
            raise Unauthorized("no")
        return self.principal

    def owner(self, key_id: str) -> Principal | None:
        return self.principal if key_id == "key_a" else None


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def meter_of(sink: UsageSink, quotas: Quotas, quota: Quota = Quota()) -> SessionMeter:  # noqa: B008
    principal = Principal("key_a", frozenset(), quota)
    return SessionMeter(sink, quotas, principal, ModelTable((), ("scripted",)).default(), "sess_1")


def done(text: int, audio: int) -> ev.ResponseDone:
    usage = Usage(
        input_token_details=InputTokenDetails(text_tokens=text),
        output_token_details=OutputTokenDetails(audio_tokens=audio),
    )
    return ev.ResponseDone(response=Response(id="resp_1", status="completed", usage=usage))


def test_requests_are_counted_over_a_sliding_minute(clock: HandClock) -> None:
    quotas, quota = Quotas(clock), Quota(requests_per_minute=2)
    quotas.take_request("k", quota)
    clock.go(30)
    quotas.take_request("k", quota)
    with pytest.raises(TooMany) as caught:
        quotas.take_request("k", quota)
    assert 30 <= caught.value.retry_after_s <= 31
    quotas.take_request("other", quota)
    clock.go(31)
    quotas.take_request("k", quota)


def test_a_session_gives_its_place_back(clock: HandClock) -> None:
    quotas, quota = Quotas(clock), Quota(sessions=1)
    with quotas.session("k", quota), pytest.raises(TooMany), quotas.session("k", quota):
        pass
    with quotas.session("k", quota):
        pass


def test_tokens_last_until_midnight_and_other_servers_count_too(clock: HandClock) -> None:
    quotas, quota = Quotas(clock), Quota(tokens_per_day=100)
    quotas.use_tokens("k", 40)
    quotas.require_tokens("k", quota)
    quotas.learn_tokens("k", quotas.day, 100)
    with pytest.raises(TooMany) as caught:
        quotas.require_tokens("k", quota)
    assert caught.value.code == "insufficient_quota"
    assert caught.value.retry_after_s == 12 * 3600
    clock.go(12 * 3600)
    quotas.require_tokens("k", quota)


async def test_an_ephemeral_key_dies_with_its_time_and_with_its_owner(clock: HandClock) -> None:
    authority = OneKey()
    access = Access(authority, HouseRedis(None), clock=clock)
    start = StartConfig("", {"type": "realtime"})
    value, _ = await access.secrets.mint("key_a", start, 60)
    assert (await access.admit(value)).start == start
    with pytest.raises(Forbidden):
        await access.admit_owner(value)
    owner, authority.principal = authority.principal, None
    with pytest.raises(Unauthorized, match="no longer in force"):
        await access.admit(value)
    authority.principal = owner
    clock.go(60)
    with pytest.raises(Unauthorized, match="expired"):
        await access.admit(value)


async def test_a_foreign_scope_opens_nothing(clock: HandClock) -> None:
    authority = OneKey()
    authority.principal = Principal("key_a", frozenset({"calls:read"}))
    with pytest.raises(Forbidden):
        await Access(authority, HouseRedis(None), clock=clock).admit("tk_a")


async def test_one_owner_cannot_fill_the_shelf_of_secrets(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.model.client_secrets.MAX_PER_OWNER", 2)
    secrets = ClientSecrets(HouseRedis(None), clock)
    start = StartConfig("", {"type": "realtime"})
    for _ in range(2):
        await secrets.mint("key_a", start, 10)
    with pytest.raises(TooMany):
        await secrets.mint("key_a", start, 10)
    clock.go(10)
    await secrets.mint("key_a", start, 10)


async def test_totals_wait_on_disk_while_nobody_takes_them(
    clock: HandClock, tmp_path: Path
) -> None:
    quotas, spool = Quotas(clock), tmp_path / "usage" / "waiting.jsonl"
    sink = UsageSink(HouseRedis(None), quotas, clock, spool)
    meter = meter_of(sink, quotas)
    meter.saw(done(100, 20))
    meter.saw(done(120, 30))
    meter.close()
    await sink.flush()
    (record,) = [decode_usage(line) for line in spool.read_bytes().splitlines()]
    assert (record.seq, record.responses, record.is_over) == (3, 2, True)
    assert record.tokens == TokenUsage(text_in=220, audio_out=50)
    assert decode_usage(encode_usage(record)) == record


def test_a_session_that_used_nothing_leaves_no_record(clock: HandClock, tmp_path: Path) -> None:
    quotas = Quotas(clock)
    sink = UsageSink(HouseRedis(None), quotas, clock, tmp_path / "x")
    meter_of(sink, quotas).close()
    assert sink.waiting == 0


def test_a_key_without_tokens_left_gets_no_response_and_its_limits_say_so(
    clock: HandClock, tmp_path: Path
) -> None:
    quotas = Quotas(clock)
    sink = UsageSink(HouseRedis(None), quotas, clock, tmp_path / "x")
    meter = meter_of(sink, quotas, Quota(tokens_per_day=100))
    meter.require_tokens()
    meter.saw(done(90, 20))
    with pytest.raises(ProtocolError) as caught:
        meter.require_tokens()
    assert caught.value.code == "insufficient_quota"
    told = meter.saw(ev.RateLimitsUpdated(rate_limits=()))
    assert isinstance(told, ev.RateLimitsUpdated)
    assert [(one.name, one.remaining) for one in told.rate_limits][1] == ("tokens", 0)


def test_cached_input_is_priced_apart_and_once() -> None:
    prices = PriceSettings(text_in=5, cached_text_in=1, text_out=20)
    tokens = TokenUsage(text_in=1_000_000, cached_text_in=400_000, text_out=100_000)
    assert cost_of(tokens, prices) == pytest.approx(0.6 * 5 + 0.4 * 1 + 0.1 * 20)


def test_an_operators_row_wins_over_one_that_ships() -> None:
    own = ModelSettings(name="house-2026-01-01", engine="scripted", aliases=("gpt-realtime",))
    table = ModelTable((own,), ("cascade", "scripted"))
    found, other = table.find("gpt-realtime"), table.find("gpt-realtime-mini")
    assert found is not None and (found.name, found.engine) == ("house-2026-01-01", "scripted")
    assert other is not None and other.engine == "cascade"
    assert table.find("gpt-3.5-turbo") is None


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"kind": "x"}', b"\xff"])
def test_what_is_no_usage_record_is_refused(payload: bytes) -> None:
    from trunkline.domain.errors import Invalid

    with pytest.raises(Invalid):
        decode_usage(payload)
