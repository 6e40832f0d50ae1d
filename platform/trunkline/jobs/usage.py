"""From the stream of usage records to the database: stored, then taken out of the stream.

Storing a record twice changes nothing, so a worker that dies between the two does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from redis.asyncio import Redis

from trunkline.domain.errors import Invalid
from trunkline.realtime.usage import RECORD_FIELD, USAGE_STREAM, UsageRecord, decode_usage
from trunkline.runtime.logging import get_logger
from trunkline.runtime.model_settings import PriceSettings
from trunkline.storage.engine import Sessions
from trunkline.storage.keys import KeyRepository
from trunkline.storage.usage import UsageRepository

log = get_logger(__name__)

_BATCH: Final = 500
_MOST_BATCHES: Final = 20


async def store_usage(
    sessions: Sessions, redis: Redis, prices: Mapping[str, PriceSettings], currency: str
) -> int:
    """How many records were stored. Raises RedisError when Redis is away: the next run tries."""
    stored = 0
    for _ in range(_MOST_BATCHES):
        entries = cast(Any, await redis.xrange(USAGE_STREAM, count=_BATCH))
        if not entries:
            break
        newest: dict[str, UsageRecord] = {}
        for _, fields in entries:
            record = _read(fields)
            if record is None:
                continue
            known = newest.get(record.session_id)
            if known is None or known.seq < record.seq:
                newest[record.session_id] = record
        async with sessions.writing() as session:
            usage, keys = UsageRepository(session), KeyRepository(session)
            for record in newest.values():
                await usage.store(record, prices, currency)
            for key_id in {record.key_id for record in newest.values()}:
                last = max(one.at for one in newest.values() if one.key_id == key_id)
                await keys.touch(key_id, last)
        await redis.xdel(USAGE_STREAM, *(entry_id for entry_id, _ in entries))
        stored += len(newest)
    return stored


def _read(fields: Mapping[bytes, bytes]) -> UsageRecord | None:
    try:
        return decode_usage(fields.get(RECORD_FIELD.encode(), b""))
    except Invalid:
        log.error("a usage record cannot be read and is dropped")
        return None
