"""Read-only access to ``main``."""

from lakehouse.query.guard import QueryError
from lakehouse.query.reader import Reader, open_reader

__all__ = ["QueryError", "Reader", "open_reader"]
