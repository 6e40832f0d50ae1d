"""Static files of the package, kept in memory under one content hash of them all.

One hash for the tree lets ES modules import each other by relative paths and still be cached
for good: a changed file changes every URL.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_BRIEFLY: Final = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    zipped: bytes
    media_type: str


class Assets:
    """Reads the tree once; ``url`` names a file for a page, ``respond`` serves it."""

    def __init__(self, root: Traversable | None = None) -> None:
        tree = root if root is not None else files("trunkline.dashboard") / "static"
        self._assets = dict(sorted(_read(tree, "").items()))
        digest = hashlib.sha256()
        for name, asset in self._assets.items():
            digest.update(name.encode() + b"\0" + asset.content)
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """KeyError for a file that does not exist: a page must not name one."""
        if name not in self._assets:
            raise KeyError(f"there is no static file {name}")
        return f"/static/{self.version}/{name}"

    def respond(self, version: str, name: str, request: Request) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            return Response("no such file\n", 404, media_type="text/plain")
        headers = {
            "cache-control": _FOREVER if version == self.version else _BRIEFLY,
            "vary": "accept-encoding",
        }
        content = asset.content
        if len(asset.zipped) < len(content) and "gzip" in request.headers.get(
            "accept-encoding", ""
        ):
            headers["content-encoding"] = "gzip"
            content = asset.zipped
        return Response(content, headers=headers, media_type=asset.media_type)


def _read(folder: Traversable, prefix: str) -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for item in folder.iterdir():
        name = prefix + item.name
        if item.is_dir():
            found |= _read(item, name + "/")
            continue
        media_type = next((kind for end, kind in _TYPES.items() if name.endswith(end)), None)
        if media_type is not None:
            content = item.read_bytes()
            found[name] = Asset(content, gzip.compress(content, 6, mtime=0), media_type)
    return found
