"""YAML into plain values that remember their lines.

A subset on purpose: YAML 1.2 scalars (``no`` is a word, ``0123`` is text), no anchors, no tags, no
second document, bounded depth and size. Whatever is wrong becomes a complaint with a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from trunkline.domain.events import Json

YamlPath: TypeAlias = tuple[str | int, ...]

MAX_CHARS: Final = 512 * 1024
_MAX_DEPTH: Final = 24
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?", re.ASCII)
_FAST: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 18 times as fast: 2 ms a flow
_WORDS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One thing to fix in a flow file; ``where`` is the dotted path of the value."""

    line: int
    where: str
    message: str

    def __str__(self) -> str:
        return (
            f"line {self.line}: {self.where}: {self.message}"
            if self.where
            else (f"line {self.line}: {self.message}")
        )


@dataclass(slots=True)
class Source:
    """A read document: its value, the line of every path in it, and what was wrong so far."""

    value: Json = None
    lines: dict[YamlPath, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def line_of(self, path: YamlPath) -> int:
        """The line of ``path``, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def complain(self, path: YamlPath, message: str) -> None:
        self.complaints.append(Complaint(self.line_of(path), dotted(path), message))


def dotted(path: YamlPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def read_yaml(text: str) -> Source:
    """Read one document; never raises for bad YAML, the complaints say what is wrong."""
    source = Source()
    if len(text) > MAX_CHARS:
        source.complain((), f"a flow file may have at most {MAX_CHARS} characters")
        return source
    try:
        _Reader(source, yaml.parse(text, Loader=_FAST)).read_document()
        return source
    except _Unreadable as exc:
        source.complaints.append(Complaint(exc.line, "", str(exc)))
        return source
    except yaml.YAMLError:
        return _read_slowly(text)


def _read_slowly(text: str) -> Source:
    """What libyaml refused, read by the parser that says better what is wrong, and where."""
    source = Source()
    try:
        _Reader(source, yaml.parse(text, Loader=yaml.SafeLoader)).read_document()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        what = "; ".join(part for part in (exc.context, exc.problem) if part)
        line = mark.line + 1 if mark else 1
        source.complaints.append(Complaint(line, "", f"not YAML: {what}"))
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        source.complaints.append(Complaint(line, "", f"not YAML: {exc.reason}"))
    except _Unreadable as exc:
        source.complaints.append(Complaint(exc.line, "", str(exc)))
    return source


class _Unreadable(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Reader:
    """Builds values from parse events; the composer of PyYAML would expand aliases and tags."""

    def __init__(self, source: Source, events: Iterator[Any]) -> None:
        self._source = source
        self._events = events

    def read_document(self) -> None:
        for event in self._events:
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                continue
            if isinstance(event, yaml.StreamEndEvent):
                self._source.complain((), "the file is empty")
                return
            self._source.value = self._value(event, ())
            break
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise _Unreadable(_line(event), "one document a file: remove the second ---")

    def _value(self, event: Any, path: YamlPath) -> Json:
        self._source.lines.setdefault(path, _line(event))
        if len(path) > _MAX_DEPTH:
            raise _Unreadable(_line(event), f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _Unreadable(_line(event), "anchors and aliases are not supported: write it out")
        if event.tag:
            raise _Unreadable(_line(event), f"the tag {event.tag!r} is not supported: remove it")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _sequence(self, path: YamlPath) -> list[Json]:
        items: list[Json] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: YamlPath) -> dict[str, Json]:
        entries: dict[str, Json] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise _Unreadable(_line(event), "a key must be plain text")
            key, line = event.value, _line(event)
            if key == "<<":
                raise _Unreadable(line, "merge keys (<<) are not supported: write it out")
            first = self._source.lines.get((*path, key)) if key in entries else None
            if first is None:
                self._source.lines[(*path, key)] = line
                entries[key] = self._value(next(self._events), (*path, key))
                continue
            self._source.complaints.append(
                Complaint(
                    line, dotted((*path, key)), f"duplicate key {key!r}, first on line {first}"
                )
            )
            # Read on under a path of its own, so that the first value keeps its lines.
            self._value(next(self._events), (*path, f"{key} (line {line})"))
        return entries


def _scalar(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= 18:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
