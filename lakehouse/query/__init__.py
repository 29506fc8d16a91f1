"""Read-only access to ``main``."""

from lakehouse.query.guard import QueryError
from lakehouse.query.reader import Reader, open_reader
from lakehouse.query.sql import SqlReader, open_sql

__all__ = ["QueryError", "Reader", "SqlReader", "open_reader", "open_sql"]
