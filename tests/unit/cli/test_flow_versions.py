"""The commands, over a migrated database, as a user would give them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.calls.flow_texts import BROKEN, shop

from trunkline.cli.main import main
from trunkline.storage.migrate import upgrade_to_head


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path))
    asyncio.run(upgrade_to_head(f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}"))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["flow", *words])


def test_a_file_is_imported_published_exported_and_restored(data_dir: Path) -> None:
    file = data_dir / "kiosk.yaml"
    file.write_text(shop("Hello."))
    assert "revision 1" in run("import", str(file)).output
    first = run("publish", "kiosk", "--note", "opening").output.split()[1]
    assert run("export", "kiosk").output == shop("Hello.")
    file.write_text(shop("Hi."))
    refused = run("import", str(file))
    assert refused.exit_code == 2 and "--replace" in refused.output
    assert run("import", str(file), "--replace").exit_code == 0
    assert "canary" in run("canary", "kiosk", "20").output
    assert run("canary", "kiosk", "promote").exit_code == 0
    assert run("restore", "kiosk", first).exit_code == 0
    history = run("history", "kiosk").output.splitlines()
    assert len(history) == 4 and "restored" in history[0] and "opening" in history[-1]


def test_a_flow_with_mistakes_is_told_by_line(data_dir: Path) -> None:
    file = data_dir / "kiosk.yaml"
    file.write_text(BROKEN)
    assert run("import", str(file)).exit_code == 0
    refused = run("publish", "kiosk")
    assert refused.exit_code == 2 and "line 4" in refused.output


def test_a_share_that_is_none_is_said(data_dir: Path) -> None:
    assert "percentage" in run("canary", "kiosk", "lots").output
