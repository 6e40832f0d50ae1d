"""What the built binding can do, asked of PJSIP itself; for ``trunkline doctor``."""

from __future__ import annotations

import pjsua2 as pj


def codec_names() -> list[str]:
    """Codec ids such as ``PCMU/8000/1``. Starts PJSIP for a moment: not beside a live endpoint."""
    endpoint = pj.Endpoint()
    pj.pj_log_set_level(0)  # standard output is the report's
    endpoint.libCreate()
    try:
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.uaConfig.threadCnt = 0
        endpoint.libInit(config)
        return [codec.codecId for codec in endpoint.codecEnum2()]
    finally:
        endpoint.libDestroy()
