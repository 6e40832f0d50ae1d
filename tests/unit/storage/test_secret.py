from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.storage.secret import derive_secret, installation_secret


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = installation_secret(tmp_path / "data")
    assert len(first) == 32
    assert installation_secret(tmp_path / "data") == first
    assert installation_secret(tmp_path / "other") != first
    (file,) = (tmp_path / "data").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_racers_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(installation_secret, [tmp_path] * 40))
    assert len(found) == 1


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe", b"00" * 31])
def test_a_damaged_secret_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"secret\.key"):
        installation_secret(tmp_path)


def test_each_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    secret = installation_secret(tmp_path)
    assert derive_secret(secret, "cookie") == derive_secret(secret, "cookie")
    assert derive_secret(secret, "cookie") != derive_secret(secret, "webhook:wh_1")
