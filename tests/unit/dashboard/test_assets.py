"""Static files: one hash, no strangers, nothing a strict policy would stop."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest
from tests.unit.dashboard.conftest import Office

from trunkline.dashboard.assets import Assets

PACKAGE = Path(str(files("trunkline.dashboard")))
TEMPLATES = sorted((PACKAGE / "templates").glob("*.html"))
SCRIPTS = sorted((PACKAGE / "static" / "js").glob("*.js"))


def tree(folder: Path, script: str) -> Path:
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "a.js").write_text(script)
    (folder / "app.css").write_text("b{}")
    return folder


def test_a_changed_file_changes_every_url(tmp_path: Path) -> None:
    one, same = Assets(tree(tmp_path / "1", "1")), Assets(tree(tmp_path / "2", "1"))
    other = Assets(tree(tmp_path / "3", "2"))
    assert one.url("app.css") == same.url("app.css") != other.url("app.css")


def test_a_page_cannot_name_a_file_that_does_not_exist() -> None:
    with pytest.raises(KeyError, match="no static file"):
        Assets().url("js/none.js")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_modules_import_only_each_other_and_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    for name in re.findall(r'(?:from|import\()\s*"([^"]+)"', text):
        assert (path.parent / name).is_file(), name
    assert "http://" not in text and "https://" not in text
    assert "eval(" not in text and "new Function" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_nothing_a_strict_policy_stops(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\s(?:style|on\w+)=", text)
    assert "<style" not in text and "| safe" not in text and "javascript:" not in text
    assert "https://" not in text and "http://" not in text


def test_every_icon_a_template_names_is_in_the_sheet() -> None:
    sheet = set(re.findall(r'symbol id="(\w+)"', (PACKAGE / "static/icons.svg").read_text()))
    text = "".join(path.read_text() for path in TEMPLATES)
    assert set(re.findall(r'icon\("(\w+)"', text)) <= sheet
    assert "{{ icon(name) }}" in text  # the frame's own, named by its callers
    assert {"live", "calls", "flows"} <= sheet


def test_vendored_files_keep_their_licence_and_their_bytes() -> None:
    vendor = PACKAGE / "static" / "vendor"
    lines = (vendor / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    for name, digest in listed.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in vendor.iterdir()} == set(listed) | {"SHA256SUMS"}


async def test_a_file_under_its_hash_is_kept_for_good_and_sent_packed(office: Office) -> None:
    assets = Assets()
    answer = await office.client.get(assets.url("app.css"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == (PACKAGE / "static/app.css").read_text()


async def test_a_file_under_an_old_hash_is_served_but_not_kept(office: Office) -> None:
    answer = await office.client.get("/static/000000000000/app.css")
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path", ["/static/x/none.css", "/static/x/..%2fapp.py", "/static/x/%2e%2e%2f%2e%2e%2fapp.py"]
)
async def test_nothing_beside_the_static_files_is_served(office: Office, path: str) -> None:
    assert (await office.client.get(path)).status_code == 404
