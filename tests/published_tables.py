"""What readers of a city see, in a form that can be compared."""

from __future__ import annotations

from lakehouse.connect.duck import quote
from lakehouse.connect.settings import Settings
from lakehouse.query import open_reader


def published_tables(settings: Settings, snapshot: str | None = None) -> dict[str, list[str]]:
    """Return every table that was published, now or with a snapshot, as sorted rows."""
    with open_reader(settings, snapshot) as reader:
        return {
            name: sorted(map(str, reader.arrow(f"select * from {'.'.join(map(quote, name.split('.')))}").to_pylist()))
            for name in reader.tables()
        }
