"""A file as it is now, whole or a range of it (RFC 9110 section 14), even while it grows.

What is promised is what the file held when it was asked for: a recording that is being written
would otherwise outgrow its Content-Length.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final, TypeAlias

from starlette.responses import Response, StreamingResponse

from trunkline.domain.errors import NotFound

_PIECE_BYTES: Final = 64 * 1024
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.I | re.ASCII)

Span: TypeAlias = tuple[int, int]
"""First byte, and the one after the last."""


class Unsatisfiable(Exception):
    """The range lies beyond the end."""


def wanted_span(header: str | None, size: int) -> Span | None:
    """The span of a single byte range; None for no range, or one that need not be obeyed."""
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None  # section 14.1.1: invalid, and so ignored
    elif last:
        start, end = max(0, size - int(last)), size
        if int(last) == 0:
            raise Unsatisfiable
    else:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, end


def file_response(
    path: Path,
    *,
    media_type: str,
    filename: str,
    range_header: str | None = None,
    if_range: str | None = None,
    is_head: bool = False,
) -> Response:
    """200, 206 or 416; NotFound when the file has just gone."""
    try:
        found = path.stat()
    except OSError:
        raise NotFound("the file of this call is missing", code="recording_missing") from None
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    headers = {
        "accept-ranges": "bytes",
        "etag": etag,
        "cache-control": "private, no-cache",
        "content-disposition": f'inline; filename="{filename}"',
    }
    try:
        span = wanted_span(range_header, found.st_size)
    except Unsatisfiable:
        headers["content-range"] = f"bytes */{found.st_size}"
        return Response(status_code=416, headers=headers)
    if span is None or (if_range is not None and if_range != etag):
        status, (start, end) = 200, (0, found.st_size)
    else:
        status, (start, end) = 206, span
        headers["content-range"] = f"bytes {start}-{end - 1}/{found.st_size}"
    headers["content-length"] = str(end - start)
    if is_head:
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(
        _read(path, start, end), status_code=status, headers=headers, media_type=media_type
    )


async def _read(path: Path, start: int, end: int) -> AsyncGenerator[bytes]:
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while start < end:
            size = min(_PIECE_BYTES, end - start)
            piece = await asyncio.to_thread(os.pread, descriptor, size, start)
            if not piece:
                break  # cut meanwhile: the connection ends short, which the client sees
            start += len(piece)
            yield piece
    finally:
        os.close(descriptor)
