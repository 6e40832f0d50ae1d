"""Keys of far ends by reference: a variable or a file. They reach a header and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import SecretStr

from trunkline.domain.errors import ConfigError
from trunkline.runtime.engine_settings import FarEndSettings


def far_key(
    where: str, settings: FarEndSettings, environment: Mapping[str, str] = os.environ
) -> SecretStr:
    """Empty when the far end wants none; ConfigError names the variable or file that has none."""
    if settings.key_env:
        key = environment.get(settings.key_env, "").strip()
        if not key:
            raise ConfigError(f"{where}: key_env names {settings.key_env}, which is not set")
    elif settings.key_file is not None:
        try:
            key = settings.key_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{where}: the file that key_file names cannot be read") from None
        if not key:
            raise ConfigError(f"{where}: the file that key_file names is empty")
    else:
        return SecretStr("")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"{where}: the key holds characters that no header may have")
    return SecretStr(key)
