"""The namespace has no owner, files have one subject, and tasks have a group: kept so by tests."""

from __future__ import annotations

import ast
import platform
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ["platform", "sip", "model", "flows", "dashboard"]
SOURCES = sorted(
    path
    for root in SOURCE_ROOTS
    for path in (ROOT / root / "trunkline").rglob("*.py")
    if "versions" not in path.parts
)
# tests/conformance is kept as it was given to us.
TESTS = sorted(
    path for path in (ROOT / "tests").rglob("*.py") if path.parent != ROOT / "tests" / "conformance"
)
MAX_LINES = 400


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_source_root_is_not_a_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()
    assert not (ROOT / root / "trunkline" / "__init__.py").exists()


def test_no_package_is_provided_twice() -> None:
    seen: dict[str, str] = {}
    for root in SOURCE_ROOTS:
        for package in (ROOT / root / "trunkline").iterdir():
            if package.is_dir() and package.name != "__pycache__":
                assert package.name not in seen, (package, seen.get(package.name))
                seen[package.name] = root
                assert (package / "__init__.py").exists(), package
                assert (package / "py.typed").exists(), package


def test_stdlib_platform_is_not_shadowed() -> None:
    assert Path(platform.__file__).is_relative_to(sys.base_prefix)


def test_no_test_package_is_called_platform() -> None:
    assert not list((ROOT / "tests").rglob("platform/__init__.py"))


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_has_one_subject_and_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_task_starts_outside_a_group(path: Path) -> None:
    """``create_task`` is called on a group; the one loop-level call is in supervision.py."""
    if path.name == "supervision.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}:
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            assert name not in {"asyncio", "loop"}, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_broad_except_says_why(path: Path) -> None:
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            if broad:
                assert "#" in lines[node.lineno - 1], f"{path.name}:{node.lineno}"
