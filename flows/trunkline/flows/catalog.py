"""The flows an edge serves, read from directories and read again when their files change.

A file that no longer loads changes nothing: the version before it goes on serving, and what is
wrong with the new one is kept and logged with its lines.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trunkline.domain.errors import NotFound
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.schema.source import MAX_CHARS, Complaint
from trunkline.flows.tool_python import import_tool_modules
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings

SHIPPED_AGENTS: Final = Path(__file__).parent / "agents"
_SUFFIXES: Final = frozenset({".yaml", ".yml"})

log = get_logger(__name__)


@dataclass(slots=True)
class _File:
    """One file: what it looked like, what it gave last, and what is wrong with it now."""

    fingerprint: tuple[int, int, int]
    flow: Flow | None = None
    text: str = ""
    complaints: tuple[Complaint, ...] = ()


@dataclass(slots=True)
class FlowCatalog:
    """Agents by name. A later directory wins, so an operator's ``energy`` hides the shipped one.

    ``environment`` fills the variables that flows take from it.
    """

    dirs: Sequence[Path]
    environment: Mapping[str, str]
    _files: dict[Path, _File] = field(default_factory=dict)
    _flows: dict[str, Flow] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def load(self) -> None:
        """Read what is new or changed; never raises for a bad file."""
        found = self._find()
        changed = self._files.keys() != found.keys()
        for gone in self._files.keys() - found.keys():
            log.info("flow_removed", file=gone.name)
            del self._files[gone]
        for path, fingerprint in found.items():
            known = self._files.get(path)
            if known is None or known.fingerprint != fingerprint:
                self._read(path, fingerprint)
                changed = True
        if changed:
            self._index(tuple(found))

    def get(self, agent: str) -> Flow:
        """The flow that serves now; a call keeps the one it began with. Raises NotFound."""
        try:
            return self._flows[agent]
        except KeyError:
            there = ", ".join(sorted(self._flows)) or "none"
            message = f"there is no agent {agent!r} that can serve; there are: {there}"
            raise NotFound(message, code="agent_not_found") from None

    def flows(self) -> tuple[Flow, ...]:
        """Every flow that serves, by agent name."""
        return tuple(self._flows[name] for name in sorted(self._flows))

    def text(self, agent: str) -> str | None:
        """What the flow that serves was read from; None when no file has such an agent."""
        return self._texts.get(agent)

    @property
    def complaints(self) -> dict[str, tuple[Complaint, ...]]:
        """What is wrong now, by file; a file without complaints is not listed."""
        return {str(path): file.complaints for path, file in self._files.items() if file.complaints}

    async def watch(self, interval_s: float = 1.0) -> None:
        """Reload on change until cancelled; files are looked at every ``interval_s`` seconds."""
        while True:
            await asyncio.sleep(interval_s)
            await asyncio.to_thread(self.load)

    def _find(self) -> dict[Path, tuple[int, int, int]]:
        """Flow files and their fingerprints: directories in order, names in order."""
        found: dict[Path, tuple[int, int, int]] = {}
        for directory in self.dirs:
            try:
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except OSError as exc:
                log.warning(
                    "flow_directory_unreadable", directory=directory.name, error=exc.strerror
                )
                continue
            for entry in entries:
                path = Path(entry.path)
                if path.suffix in _SUFFIXES and entry.is_file() and entry.name[0] != ".":
                    stat = entry.stat()
                    found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found

    def _read(self, path: Path, fingerprint: tuple[int, int, int]) -> None:
        file = self._files.setdefault(path, _File(fingerprint))
        file.fingerprint = fingerprint
        try:
            text = _text(path)
            flow = load_flow(text, environment=self.environment, name=path.name)
        except FlowInvalid as exc:
            file.complaints = exc.complaints
        except (OSError, UnicodeDecodeError) as exc:
            file.complaints = (Complaint(1, "", f"cannot be read: {exc}"),)
        else:
            file.flow, file.text, file.complaints = flow, text, ()
            log.info("flow_loaded", file=path.name, agent=flow.agent.name, version=flow.version)
            return
        serving = file.flow.version if file.flow else None
        for complaint in file.complaints:
            log.error(
                "flow_refused",
                file=path.name,
                line=complaint.line,
                where=complaint.where,
                problem=complaint.message,
                still_serving=serving,
            )

    def _index(self, order: Sequence[Path]) -> None:
        files = [self._files[path] for path in order]
        self._flows = {file.flow.agent.name: file.flow for file in files if file.flow}
        self._texts = {file.flow.agent.name: file.text for file in files if file.flow}


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read(MAX_CHARS + 1)


def catalog_from(settings: Settings, environment: Mapping[str, str]) -> FlowCatalog:
    """The shipped agents and then the operator's own; tells flows where the sample service is."""
    import_tool_modules(settings.tool_modules)
    dirs = [SHIPPED_AGENTS, *([settings.agents_dir] if settings.agents_dir else [])]
    sample_url = f"http://127.0.0.1:{settings.resolved_sample_service_port}"
    return FlowCatalog(dirs, {"TRUNKLINE_SAMPLE_SERVICE_URL": sample_url, **environment})
