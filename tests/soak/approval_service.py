"""Where the storm's payments arrive: a service of its own that is never killed, and counts.

``python -m tests.soak.approval_service FILE`` prints its port and appends one JSON line a request
that mattered: what it was asked (``asked``), what it did (``effect``), what a webhook said
(``hook``). ``/payments`` honours the idempotency key; ``/orders`` knows none, and does it each
time it is asked. How it misbehaves is told by the first digit of the account.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, TextIO

SLOW_S: Final = 1.0
_LONGER_THAN_ANYBODY_WAITS_S: Final = 8.0
_HOOKS_REFUSED_EACH: Final = 50  # every so many-th delivery is answered 500 at first


class Trouble(IntEnum):
    NONE = 0
    SLOW = 1
    BEFORE = 2  # 500, and nothing was done
    AFTER = 3  # done, and then 500
    DROP = 4  # done, and then the connection is gone
    REFUSE = 5  # 422, each time
    SILENT = 6  # done, and no answer comes
    STUBBORN = 7  # done, and three times 500: what one run tries is not enough


_SPOILT: Final = {
    Trouble.SLOW: 1, Trouble.BEFORE: 1, Trouble.AFTER: 1, Trouble.DROP: 1, Trouble.SILENT: 1,
    Trouble.STUBBORN: 3, Trouble.REFUSE: 1_000_000,
}  # fmt: skip


def trouble_of(account: str) -> Trouble:
    return Trouble(int(account[0]))


class Service:
    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._answers: dict[str, dict[str, Any]] = {}
        self._asked: Counter[str] = Counter()
        self._hooks: Counter[str] = Counter()

    def _write(self, kind: str, **fields: Any) -> None:
        line = {"kind": kind, "at_s": time.monotonic(), **fields}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                async with asyncio.timeout(30):
                    await self._answer(reader, writer)
            except TimeoutError:
                pass
            finally:
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if path == "/hooks":
            await _say(writer, self._hooked(headers, raw.decode()), {})
            return
        await self._serve(path, headers.get("idempotency-key", ""), json.loads(raw), writer)

    async def _serve(
        self, path: str, key: str, body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        account = str(body["account"])
        self._asked[account] += 1
        self._write("asked", path=path, key=key, body=body)
        trouble = trouble_of(account)
        is_spoilt = self._asked[account] <= _SPOILT.get(trouble, 0)
        if is_spoilt and trouble is Trouble.BEFORE:
            return await _say(writer, 500, {})
        if is_spoilt and trouble is Trouble.REFUSE:
            return await _say(writer, 422, {"detail": "no such account"})
        if is_spoilt and trouble is Trouble.SLOW:
            await asyncio.sleep(SLOW_S)
        receipt = self._do(path, key, body)
        if is_spoilt and trouble is Trouble.DROP:
            return None
        if is_spoilt and trouble is Trouble.SILENT:
            await asyncio.sleep(_LONGER_THAN_ANYBODY_WAITS_S)
            return None
        is_broken = is_spoilt and trouble in (Trouble.AFTER, Trouble.STUBBORN)
        return await _say(writer, 500 if is_broken else 201, receipt)

    def _do(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        known = self._answers.get(key) if path == "/payments" else None
        if known is not None:
            return known
        receipt = {"receipt": f"R{len(self._answers) + 1}", "amount": body["amount"]}
        self._answers[key or f"order {len(self._answers)}"] = receipt
        self._write("effect", path=path, key=key, body=body)
        return receipt

    def _hooked(self, headers: dict[str, str], body: str) -> int:
        delivery = headers["webhook-id"]
        self._hooks[delivery] += 1
        is_refused = self._hooks[delivery] == 1 and len(self._hooks) % _HOOKS_REFUSED_EACH == 0
        self._write(
            "hook",
            id=delivery,
            timestamp=headers["webhook-timestamp"],
            signature=headers["webhook-signature"],
            body=body,
            is_taken=not is_refused,
        )
        return 500 if is_refused else 204


async def _say(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode() if status != 204 else b""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(raw) + raw)
    await writer.drain()


async def main(path: Path) -> None:
    with path.open("a") as log:
        server = await asyncio.start_server(Service(log).answer, "127.0.0.1", 0, backlog=500)
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # whoever started us reads it
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
