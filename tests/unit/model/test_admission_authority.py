from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trunkline.domain.errors import (
    ConfigError,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthorized,
)
from trunkline.model.admission import Admission
from trunkline.model.authority import FileAuthority, hash_key
from trunkline.model.bearer import asks_for_beta, bearer_key, chosen_subprotocol
from trunkline.model.registry import EngineLoader, load_engines
from trunkline.model.script import read_script
from trunkline.runtime.settings import Settings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return NOON

    def monotonic_ms(self) -> float:
        return 0.0


def write_keys(path: Path, *keys: dict[str, object], stamp: int = 1) -> None:
    path.write_text(json.dumps({"keys": list(keys)}))
    os.utime(path, (stamp, stamp))


def entry(key: str, scopes: list[str], expires_at: datetime | None = None) -> dict[str, object]:
    until = expires_at.isoformat() if expires_at else None
    return {"id": f"id_{key}", "hash": hash_key(key), "scopes": scopes, "expires_at": until}


def test_a_slot_is_free_again_when_its_session_ends() -> None:
    admission = Admission(1)
    with admission.slot("k"), pytest.raises(TooMany), admission.slot("k"):
        pass
    with admission.slot("k"):
        assert admission.live == 1
    assert admission.live == 0


def test_one_key_cannot_take_every_slot() -> None:
    admission = Admission(10, max_per_key=1)
    with admission.slot("a"), admission.slot("b"):
        with pytest.raises(TooMany) as caught, admission.slot("a"):
            pass
        assert caught.value.code == "rate_limit_exceeded"


def test_a_draining_server_takes_nobody_new() -> None:
    admission = Admission(10)
    with admission.slot("a"):
        admission.is_draining = True
        with pytest.raises(TooMany) as caught, admission.slot("b"):
            pass
        assert caught.value.code == "server_draining"
        assert admission.live == 1


def test_the_admin_key_may_everything_and_others_what_their_scopes_say(tmp_path: Path) -> None:
    path = tmp_path / "authority.json"
    write_keys(path, entry("tk_a", ["realtime"]), entry("tk_b", ["calls:read"]))
    authority = FileAuthority(path, admin_key="tk_admin", clock=FixedClock())
    authority.authenticate("tk_admin").require("realtime")
    authority.authenticate("tk_a").require("realtime")
    with pytest.raises(Forbidden):
        authority.authenticate("tk_b").require("realtime")


@pytest.mark.parametrize("key", [None, "", "tk_wrong", "x" * 10_000, "\udcff"])
def test_any_other_key_is_refused(tmp_path: Path, key: str | None) -> None:
    authority = FileAuthority(tmp_path / "authority.json", admin_key="tk_admin")
    with pytest.raises(Unauthorized):
        authority.authenticate(key)


def test_without_an_admin_key_an_empty_one_is_none(tmp_path: Path) -> None:
    with pytest.raises(Unauthorized):
        FileAuthority(tmp_path / "authority.json").authenticate("")


def test_an_expired_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authority.json"
    write_keys(
        path,
        entry("tk_old", ["realtime"], NOON - timedelta(seconds=1)),
        entry("tk_new", ["realtime"], NOON + timedelta(hours=1)),
    )
    authority = FileAuthority(path, clock=FixedClock())
    assert authority.authenticate("tk_new").key_id == "id_tk_new"
    with pytest.raises(Unauthorized, match="expired"):
        authority.authenticate("tk_old")


def test_a_changed_file_counts_from_the_next_request_on_and_a_broken_one_never(
    tmp_path: Path,
) -> None:
    path = tmp_path / "authority.json"
    write_keys(path, entry("tk_a", ["realtime"]), stamp=1)
    authority = FileAuthority(path)
    authority.authenticate("tk_a")
    write_keys(path, entry("tk_b", ["realtime"]), stamp=2)
    authority.authenticate("tk_b")
    with pytest.raises(Unauthorized):
        authority.authenticate("tk_a")
    path.write_text("{broken")
    authority.authenticate("tk_b")
    path.unlink()
    with pytest.raises(Unauthorized):
        authority.authenticate("tk_b")


def test_a_key_is_found_in_the_header_or_in_a_subprotocol() -> None:
    assert bearer_key("Bearer tk_1") == "tk_1"
    assert bearer_key("bearer  tk_1 ") == "tk_1"
    assert bearer_key("Basic abc") is None
    assert bearer_key(None, ["realtime", "openai-insecure-api-key.tk_2"]) == "tk_2"
    assert bearer_key(None, ["realtime"]) is None
    assert chosen_subprotocol(["openai-insecure-api-key.x", "realtime"]) == "realtime"
    assert chosen_subprotocol([]) is None


def test_the_beta_generation_is_told_by_header_or_subprotocol() -> None:
    assert asks_for_beta("assistants=v2, Realtime=v1", ())
    assert asks_for_beta(None, ["openai-beta.realtime-v1"])
    assert not asks_for_beta("assistants=v2", ["realtime"])


def test_engines_are_found_by_name_alias_and_default() -> None:
    engines = load_engines(Settings(engine="scripted"))
    for model in ("scripted", "trunkline-scripted", "gpt-realtime-2.1", "trunkline", "", None):
        assert engines.serve(model).loaded is engines.default
    with pytest.raises(NotFound) as unknown:
        engines.serve("gpt-3.5-turbo")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(Invalid, match="not realtime"):
        engines.serve("whisper-1")


def test_an_unknown_engine_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="cascade, cascade-hosted, upstream, scripted"):
        EngineLoader(Settings()).load("nonsense")


def test_a_wrong_script_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('{"replies": [{"match": "(", "text": "x"}]}')
    with pytest.raises(ConfigError, match=r"replies\.0\.match.*regular expression"):
        read_script(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_script(tmp_path / "none.json")
