"""Quality scores of every publish that was seen, by resource and dimension: the lakehouse forgets old publishes, this does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database

SHOWN_PUBLISHES = 60
_METADATA = sa.MetaData()
_SEEN = sa.Table(
    "quality_publish",
    _METADATA,
    sa.Column("snapshot", sa.String(64), primary_key=True),
    sa.Column("published_at", sa.String(40), nullable=False),
)
_SCORES = sa.Table(
    "quality_history",
    _METADATA,
    sa.Column("resource", sa.String(100), primary_key=True),
    sa.Column("snapshot", sa.String(64), primary_key=True),
    sa.Column("scores", sa.JSON, nullable=False),
)


class QualityTrend:
    """The scores of one installation over its publishes."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA)

    def seen(self) -> set[str]:
        """Return the snapshots whose scores are kept, also those that had none."""
        with self._engine.connect() as db:
            return set(db.execute(sa.select(_SEEN.c.snapshot)).scalars())

    def keep(self, snapshot: str, published_at: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Keep the scores of one publish: resource -> dimension -> score; does nothing when they are kept already."""
        rows = [{"resource": key, "snapshot": snapshot, "scores": dict(found)} for key, found in scores.items()]
        try:
            with self._engine.begin() as db:
                db.execute(_SEEN.insert().values(snapshot=snapshot, published_at=published_at))
                if rows:
                    db.execute(_SCORES.insert(), rows)
        except IntegrityError:
            return  # another process of this installation was first

    def of(self, resource: str) -> list[dict[str, Any]]:
        """Return ``published_at``, ``snapshot`` and ``scores`` of the newest publishes with this resource, the oldest first."""
        query = (
            sa.select(_SEEN.c.published_at, _SCORES.c.snapshot, _SCORES.c.scores)
            .join(_SEEN, _SEEN.c.snapshot == _SCORES.c.snapshot)
            .where(_SCORES.c.resource == resource)
            .order_by(_SEEN.c.published_at.desc())
            .limit(SHOWN_PUBLISHES)
        )
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()][::-1]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
