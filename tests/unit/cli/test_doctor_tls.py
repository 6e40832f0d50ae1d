from __future__ import annotations

from pathlib import Path

import pytest
from tests.peers.drivers.certificates import CertificateAuthority

from trunkline.cli.doctor_tls import sip_tls
from trunkline.cli.findings import Status
from trunkline.runtime.settings import Settings, TrunkSettings


@pytest.mark.parametrize(
    ("days", "status", "says"),
    [(90, Status.OK, "is good"), (7, Status.WARN, "ends soon"), (-1, Status.FAIL, "not in date")],
)
async def test_the_certificates_dates_are_told(
    tmp_path: Path, days: float, status: Status, says: str
) -> None:
    files = CertificateAuthority(tmp_path / "ca").issue(days=days)
    given = Settings(sip_tls_port=5061, sip_tls_cert=files.certificate, sip_tls_key=files.key)
    (found,) = await sip_tls(given)
    assert (found.status, says in found.detail) == (status, True)


async def test_a_key_that_does_not_fit_is_told(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "ca")
    one, other = authority.issue(), authority.issue()
    given = Settings(sip_tls_port=5061, sip_tls_cert=one.certificate, sip_tls_key=other.key)
    (found,) = await sip_tls(given)
    assert found.status is Status.FAIL
    (found,) = await sip_tls(Settings(sip_tls_port=5061))
    assert "TRUNKLINE_SIP_TLS_CERT" in found.advice


async def test_keys_in_clear_and_unseen_certificates_are_warned_of(tmp_path: Path) -> None:
    files = CertificateAuthority(tmp_path / "ca").issue(days=90)
    trunks = (
        TrunkSettings(name="open", registrar="sip:h", srtp="required"),
        TrunkSettings(name="closed", registrar="sip:h;transport=tls", srtp="required"),
    )
    found = await sip_tls(
        Settings(
            trunks=trunks,
            sip_tls_port=5061,
            sip_tls_cert=files.certificate,
            sip_tls_key=files.key,
            sip_tls_verify_peer=False,
        )
    )
    assert [one.subject for one in found if one.status is Status.WARN] == [
        "trunk open",
        "SIP over TLS",
    ]
    assert await sip_tls(Settings()) == []
