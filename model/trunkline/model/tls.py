"""The model server's TLS side: a second listener, whose certificate may be renewed under it."""

from __future__ import annotations

from trunkline.domain.errors import ConfigError
from trunkline.runtime.certificate import Certificate
from trunkline.runtime.settings import Settings


def certificate_of(settings: Settings) -> Certificate | None:
    """None where TLS is not asked for; ConfigError when half of it is missing."""
    certificate, key = settings.model_tls_cert, settings.model_tls_key
    if not settings.model_tls_port:
        return None
    if certificate is None or key is None:
        raise ConfigError(
            "TRUNKLINE_MODEL_TLS_PORT needs TRUNKLINE_MODEL_TLS_CERT and TRUNKLINE_MODEL_TLS_KEY: "
            "PEM files with the certificate chain and its key."
        )
    return Certificate(certificate, key)
