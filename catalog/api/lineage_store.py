"""Lineage events as they were received, and the edges of the newest run of each job."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.api.openlineage import Edge, RunEvent, moment

_METADATA = sa.MetaData()
_EVENTS = sa.Table(
    "lineage_event",
    _METADATA,
    sa.Column("event_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("job", sa.String(1001), nullable=False),
    sa.Column("run_id", sa.String(36), nullable=False),
    sa.Column("sent_by", sa.String(20), nullable=False),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Index("lineage_event_at", "at"),
)
_EDGES = sa.Table(
    "lineage_received",
    _METADATA,
    sa.Column("job", sa.String(1001), primary_key=True),
    *(sa.Column(name, sa.String(500), primary_key=True) for name in Edge._fields),
    sa.Column("run_id", sa.String(36), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Index("lineage_received_downstream", "downstream"),
    sa.Index("lineage_received_upstream", "upstream"),
)


class LineageStore:
    """The lineage events of one installation."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA)

    def receive(self, event: RunEvent, raw: dict[str, Any], sent_by: str) -> bool:
        """Keep an event and its edges; False when it was received before.

        A job's edges are those of its newest complete run: an event that comes late does not bring old ones back.
        """
        at, run = moment(event.at), str(event.run.run_id)
        row = {"event_id": event.event_id, "at": at, "kind": event.kind, "job": event.job_name, "run_id": run}
        with self._engine.begin() as db:
            try:
                db.execute(_EVENTS.insert().values({**row, "sent_by": sent_by, "event": raw}))
            except IntegrityError:
                return False
            self._replace_edges(db, event, at, run)
        return True

    @staticmethod
    def _replace_edges(db: sa.Connection, event: RunEvent, at: str, run: str) -> None:
        edges = sorted(set(event.edges()))
        if not edges:
            return
        of_job = _EDGES.c.job == event.job_name
        newer = db.execute(sa.select(_EDGES.c.at).where(of_job, _EDGES.c.at > at, _EDGES.c.run_id != run)).first()
        if newer:
            return
        db.execute(_EDGES.delete().where(of_job))
        db.execute(_EDGES.insert(), [{"job": event.job_name, "run_id": run, "at": at, **e._asdict()} for e in edges])

    def edges(self, table: str | None = None) -> list[dict[str, Any]]:
        """Return the edges around a table (``schema.table``), or all, sorted."""
        query = sa.select(_EDGES).order_by(*(_EDGES.c[name] for name in Edge._fields), _EDGES.c.job)
        if table is not None:
            query = query.where(sa.or_(_EDGES.c.upstream == table, _EDGES.c.downstream == table))
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def jobs(self, table: str) -> list[dict[str, Any]]:
        """Return the jobs that read or write a table (``schema.table``): ``job``, ``writes``, when it last ended ``at``."""
        is_around = sa.or_(_EDGES.c.upstream == table, _EDGES.c.downstream == table)
        writes = sa.func.max(sa.case((_EDGES.c.downstream == table, 1), else_=0)).label("writes")
        query = sa.select(_EDGES.c.job, writes, sa.func.max(_EDGES.c.at).label("at")).where(is_around)
        with self._engine.connect() as db:
            rows = db.execute(query.group_by(_EDGES.c.job).order_by(writes.desc(), _EDGES.c.job)).mappings()
            return [{**row, "writes": bool(row["writes"])} for row in rows]

    def events(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the newest events."""
        query = sa.select(_EVENTS).order_by(_EVENTS.c.at.desc(), _EVENTS.c.event_id).limit(limit)
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
