from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.domain.trunk import Srtp
from trunkline.runtime.settings import Settings, TrunkSettings
from trunkline.sip.server import tls_config
from trunkline.sip.trunks import configured_trunks


def test_tls_is_off_without_a_port() -> None:
    assert tls_config(Settings()) is None


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SIP_TLS_CERT and TRUNKLINE_SIP_TLS_KEY"):
        tls_config(Settings(sip_tls_port=5061))
    cert = tmp_path / "cert.pem"
    with pytest.raises(ConfigError, match="no file"):
        tls_config(
            Settings(
                sip_tls_port=5061,
                sip_tls_cert=cert,
                sip_tls_key=cert,
                sip_tls_ca_file=tmp_path / "nobody.pem",
            )
        )


def test_a_trunks_rules_are_read_and_wrong_ones_named() -> None:
    given = TrunkSettings(
        name="c",
        sources=("192.0.2.1",),
        srtp="required",
        trusted=True,
        headers=("X-Customer",),
        options_s=30,
        prefixes=("+44",),
    )
    trunk = configured_trunks(Settings(trunks=(given,)))[0]
    assert (trunk.srtp, trunk.is_trusted, trunk.options_s) == (Srtp.REQUIRED, True, 30)
    assert (trunk.headers, trunk.prefixes) == (("x-customer",), ("+44",))
    assert trunk.carries("+441632") and not trunk.carries("+33")
    for wrong, says in (
        ({"srtp": "always"}, "off, optional, required"),
        ({"headers": ("From",)}, "no X- header"),
    ):
        with pytest.raises(ConfigError, match=says):
            configured_trunks(Settings(trunks=(given.model_copy(update=wrong),)))
