"""The root of all tables, and the column types they share."""

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import DeclarativeBase

Slug = String(64)
HexId = String(32)
Sha256 = String(64)
RowId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Common root of all tables."""
