"""What sessions use: counted from the events they are sent, and told to the house.

Records hold a session's totals so far, so only the newest of each waits to be sent. Redis away:
they wait here, and on disk (``spool``), and go out when it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from trunkline.domain.clock import Clock
from trunkline.domain.errors import Invalid, ProtocolError, TooMany
from trunkline.model.authority import Principal
from trunkline.model.house_redis import HouseRedis
from trunkline.model.quotas import Allowance, Quotas
from trunkline.realtime import server_events as ev
from trunkline.realtime.model_table import ModelCard
from trunkline.realtime.responses import Usage
from trunkline.realtime.usage import (
    RECORD_FIELD,
    USAGE_STREAM,
    USAGE_STREAM_LENGTH,
    TokenUsage,
    UsageKind,
    UsageRecord,
    decode_usage,
    encode_usage,
)
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

SEND_EVERY_S: Final = 1.0
SEND_DEADLINE_S: Final = 2.0
MAX_WAITING: Final = 50_000
_BATCH: Final = 500
_KEEP_TOKENS_S: Final = 2 * 86_400


def tokens_key(key_id: str, day: str) -> str:
    return f"trunkline:tokens:{day}:{key_id}"


class UsageSink:
    """``put`` never blocks; ``run`` belongs in a task group, ``flush`` at the end."""

    def __init__(self, redis: HouseRedis, quotas: Quotas, clock: Clock, spool: Path) -> None:
        self._redis = redis
        self._quotas = quotas
        self.clock = clock
        self._spool = spool
        self._waiting: dict[str, UsageRecord] = {}
        self._tokens: Counter[tuple[str, str]] = Counter()  # (key_id, day), not yet told
        self._wake = asyncio.Event()
        self._is_spooled = False
        self.dropped = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def put(self, record: UsageRecord) -> None:
        """The session's newest record; the oldest session's gives way when there are too many."""
        self._waiting.pop(record.session_id, None)
        if len(self._waiting) >= MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
            if not self.dropped:
                log.error("usage records are being dropped: nobody takes them")
            self.dropped += 1
        self._waiting[record.session_id] = record
        self._wake.set()

    def use_tokens(self, key_id: str, count: int) -> None:
        if count > 0:
            self._quotas.use_tokens(key_id, count)
            self._tokens[(key_id, self._quotas.day)] += count
            self._wake.set()

    async def learn_tokens(self, key_id: str) -> None:
        """What the house's other model servers counted for the key today."""
        day = self._quotas.day
        total = await self._redis.ask(lambda redis: redis.get(tokens_key(key_id, day)))
        if total is not None:
            unsent = self._tokens[(key_id, day)]
            self._quotas.learn_tokens(key_id, day, int(total) + unsent)

    async def run(self) -> None:
        await asyncio.to_thread(self._read_spool)
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting or self._tokens:
                if not await self._send():
                    await self._keep_on_disk()
                await asyncio.sleep(SEND_EVERY_S)

    async def flush(self) -> None:
        """Send what waits, or leave it on disk for the next process."""
        while (self._waiting or self._tokens) and await self._send():
            pass
        if self._waiting:
            await self._keep_on_disk()

    # ---- inside --------------------------------------------------------------------------------

    async def _send(self) -> bool:
        batch = list(self._waiting.values())[:_BATCH]
        tokens = list(self._tokens.items())[:_BATCH]

        async def add(redis: Redis) -> list[Any]:
            async with redis.pipeline(transaction=True) as pipe:
                for record in batch:
                    pipe.xadd(
                        USAGE_STREAM,
                        {RECORD_FIELD: encode_usage(record)},
                        maxlen=USAGE_STREAM_LENGTH,
                        approximate=True,
                    )
                for (key_id, day), count in tokens:
                    pipe.incrby(tokens_key(key_id, day), count)
                for (key_id, day), _ in tokens:
                    pipe.expire(tokens_key(key_id, day), _KEEP_TOKENS_S)
                return await pipe.execute()

        answer = await self._redis.ask(add, deadline_s=SEND_DEADLINE_S)
        if answer is None:
            return False
        for record in batch:
            if self._waiting.get(record.session_id) is record:
                del self._waiting[record.session_id]
        totals = answer[len(batch) : len(batch) + len(tokens)]
        for ((key_id, day), count), total in zip(tokens, totals, strict=True):
            self._tokens[(key_id, day)] -= count
            if not self._tokens[(key_id, day)]:
                del self._tokens[(key_id, day)]
            self._quotas.learn_tokens(key_id, day, int(total))
        if self._is_spooled and not self._waiting:
            await asyncio.to_thread(self._spool.unlink, missing_ok=True)
            self._is_spooled = False
        return True

    async def _keep_on_disk(self) -> None:
        lines = b"".join(encode_usage(record) + b"\n" for record in self._waiting.values())
        try:
            await asyncio.to_thread(_replace, self._spool, lines)
            self._is_spooled = True
        except OSError as exc:
            log.error("usage cannot be kept on disk", reason=exc.strerror or str(exc))

    def _read_spool(self) -> None:
        """What a process before this one could not send; a torn line is skipped."""
        try:
            lines = self._spool.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as exc:
            log.error("spooled usage cannot be read", reason=exc.strerror or str(exc))
            return
        self._is_spooled = True
        for line in lines[:MAX_WAITING]:
            try:
                record = decode_usage(line)
            except Invalid:
                log.error("a spooled usage record cannot be read")
                continue
            self._waiting.setdefault(record.session_id, record)
        self._wake.set()


class SessionMeter:
    """Counts one session, or one request outside any."""

    def __init__(
        self,
        sink: UsageSink,
        quotas: Quotas,
        principal: Principal,
        card: ModelCard,
        session_id: str,
        *,
        kind: UsageKind = "realtime",
    ) -> None:
        self._sink = sink
        self._quotas = quotas
        self._principal = principal
        self._card = card
        self._session_id = session_id
        self._kind: UsageKind = kind
        self._began_at: datetime = sink.clock.now()
        self._seq = 0
        self._responses = 0
        self._tokens = TokenUsage()

    def saw(self, event: ev.ServerEvent) -> ev.ServerEvent:
        """Count what the event tells; rate limits are filled in with the key's own."""
        match event:
            case ev.ResponseDone(response=response) if response.usage is not None:
                self.add(_tokens_of(response.usage), responses=1)
            case ev.TranscriptionCompleted(usage=usage):
                self.add(TokenUsage(transcribed_ms=round((usage.seconds or 0) * 1000)))
            case ev.RateLimitsUpdated():
                return self._rate_limits()
            case _:
                pass
        return event

    def add(self, tokens: TokenUsage, *, responses: int = 0, is_over: bool = False) -> None:
        if tokens == TokenUsage() and not responses:
            return
        self._tokens = self._tokens.plus(tokens)
        self._responses += responses
        self._sink.use_tokens(self._principal.key_id, tokens.total_tokens)
        self._tell(is_over)

    def close(self) -> None:
        """The session is over; one that used nothing leaves no record."""
        if self._seq:
            self._tell(True)

    def require_tokens(self) -> None:
        """ProtocolError ``insufficient_quota`` when the key's tokens of today are used up."""
        try:
            self._quotas.require_tokens(self._principal.key_id, self._principal.quota)
        except TooMany as exc:
            raise ProtocolError(exc.message, code=exc.code) from None

    def _tell(self, is_over: bool) -> None:
        self._seq += 1
        self._sink.put(
            UsageRecord(
                session_id=self._session_id,
                seq=self._seq,
                kind=self._kind,
                key_id=self._principal.key_id,
                model=self._card.name,
                engine=self._card.engine,
                began_at=self._began_at,
                at=self._sink.clock.now(),
                responses=self._responses,
                tokens=self._tokens,
                is_over=is_over,
            )
        )

    def _rate_limits(self) -> ev.RateLimitsUpdated:
        key_id, quota = self._principal.key_id, self._principal.quota
        return ev.RateLimitsUpdated(
            rate_limits=(
                _limit("requests", self._quotas.requests_left(key_id, quota)),
                _limit("tokens", self._quotas.tokens_left(key_id, quota)),
            )
        )


def _limit(name: Any, left: Allowance) -> ev.RateLimit:
    return ev.RateLimit(
        name=name, limit=left.limit, remaining=left.remaining, reset_seconds=left.reset_s
    )


def _tokens_of(usage: Usage) -> TokenUsage:
    put_in, put_out = usage.input_token_details, usage.output_token_details
    cached = put_in.cached_tokens_details
    return TokenUsage(
        text_in=put_in.text_tokens,
        audio_in=put_in.audio_tokens,
        cached_text_in=cached.text_tokens,
        cached_audio_in=cached.audio_tokens,
        text_out=put_out.text_tokens,
        audio_out=put_out.audio_tokens,
    )


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
