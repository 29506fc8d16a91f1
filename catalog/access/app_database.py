"""The app database: keys, audit events and received lineage of one installation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa


def open_app_database(path: Path) -> sa.Engine:
    """Open the database file, making it readable by its owner only when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    """Let readers and the one writer go on beside each other; commits stay durable, since audit events are evidence."""
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.close()
