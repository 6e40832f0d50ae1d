"""What ``trunkline doctor`` says of SIP over TLS: the certificate, its key, keys in clear."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from trunkline.cli.findings import Finding, Status
from trunkline.domain.errors import ConfigError
from trunkline.runtime.certificate import Certificate
from trunkline.runtime.settings import Settings

_SUBJECT: Final = "SIP over TLS"
_SOON: Final = timedelta(days=21)


async def sip_tls(settings: Settings) -> list[Finding]:
    return await asyncio.to_thread(_look, settings, datetime.now(UTC))


def _look(settings: Settings, now: datetime) -> list[Finding]:
    open_keys = [
        Finding(
            f"trunk {trunk.name}",
            Status.WARN,
            "SRTP keys travel in clear: whoever sees its SIP messages can listen",
            "reach it over TLS: ';transport=tls' in its registrar",
        )
        for trunk in settings.trunks
        if trunk.srtp != "off" and trunk.registrar and not _is_tls(trunk.registrar)
    ]
    if not settings.sip_tls_port:
        return open_keys
    certificate, key = settings.sip_tls_cert, settings.sip_tls_key
    if certificate is None or key is None:
        return [
            *open_keys,
            Finding(
                _SUBJECT,
                Status.FAIL,
                "a port and no certificate",
                "set TRUNKLINE_SIP_TLS_CERT and TRUNKLINE_SIP_TLS_KEY",
            ),
        ]
    try:
        Certificate(certificate, key)
        found = [_dates(certificate, now)]
    except (ConfigError, ValueError, OSError) as exc:
        found = [Finding(_SUBJECT, Status.FAIL, str(exc), "give it a chain and its key, in PEM")]
    if not settings.sip_tls_verify_peer:
        found.append(
            Finding(
                _SUBJECT,
                Status.WARN,
                "carriers' certificates are not looked at",
                "unset TRUNKLINE_SIP_TLS_VERIFY_PEER",
            )
        )
    return [*open_keys, *found]


def _dates(certificate: Path, now: datetime) -> Finding:
    chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    first = min(chain, key=lambda one: one.not_valid_after_utc)
    ends = first.not_valid_after_utc
    begins = max(one.not_valid_before_utc for one in chain)
    detail = f"{certificate.name} is good from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
    advice = "have it renewed; new files are taken up without a restart"
    if not begins <= now < ends:
        return Finding(_SUBJECT, Status.FAIL, f"not in date: {detail}", advice)
    if ends - now < _SOON:
        return Finding(_SUBJECT, Status.WARN, f"ends soon: {detail}", advice)
    return Finding(_SUBJECT, Status.OK, detail)


def _is_tls(uri: str) -> bool:
    return uri.startswith("sips:") or ";transport=tls" in uri.lower()
