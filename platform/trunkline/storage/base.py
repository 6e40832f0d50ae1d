"""What every row is built on: the naming convention, the column types, and whose the row is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from trunkline.storage.column_types import Document, UtcDateTime
from trunkline.storage.views import HOUSE


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        str: Text(),
        int: BigInteger(),
        datetime: UtcDateTime(),
        dict[str, Any]: Document(),
        list[str]: Document(),
    }


class Owned:
    """Every row says whose it is, ready for tenants."""

    owner: Mapped[str] = mapped_column(String(64), default=HOUSE, server_default=HOUSE)
