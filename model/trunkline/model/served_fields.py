"""Fields of a session that only some engines can honour: refused by name by the others. Pure."""

from __future__ import annotations

from trunkline.domain.errors import ProtocolError
from trunkline.model.engine import EngineCapabilities
from trunkline.realtime.session import Session


def refuse_unserved(session: Session, capabilities: EngineCapabilities) -> None:
    """ProtocolError for what a client would otherwise wait for in vain."""
    if session.include and not capabilities.word_probabilities:
        raise ProtocolError(
            "'session.include' is not supported by this session's model: its recogniser tells no "
            "probabilities.",
            code="unsupported_parameter",
            param="session.include",
        )
