"""Every version of a contract file that this installation has served, and what changed from one to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.contract.diff import diff
from catalog.contract.load import UnreadableDocument, parse_contract

SHOWN_VERSIONS = 20
_METADATA = sa.MetaData()
_VERSIONS = sa.Table(
    "contract_version",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("resource", sa.String(100), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("seen_at", sa.String(40), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.UniqueConstraint("resource", "digest"),
)


class ContractHistory:
    """The contract versions of one installation; a version that comes back is not a new one."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA)

    def keep(self, files: Iterable[tuple[str, str]], seen_at: str) -> int:
        """Keep (resource, file content) that were not seen before; return how many were new."""
        with self._engine.connect() as db:
            known = {tuple(row) for row in db.execute(sa.select(_VERSIONS.c.resource, _VERSIONS.c.digest))}
        fresh = [
            {"resource": key, "digest": digest, "seen_at": seen_at, "content": content}
            for key, content in files
            if (key, digest := hashlib.sha256(content.encode()).hexdigest()) not in known
        ]
        kept = 0
        for row in fresh:
            try:
                with self._engine.begin() as db:
                    db.execute(_VERSIONS.insert().values(row))
                kept += 1
            except IntegrityError:
                continue  # another process of this installation was first
        return kept

    def of(self, resource: str) -> list[dict[str, Any]]:
        """Return the newest versions, the newest first: ``version``, ``seen_at``, ``digest`` and what changed from the one before.

        ``diff`` is that of :func:`catalog.contract.diff.diff` as JSON, None for the first version, or for one that the
        rules of today cannot read.
        """
        query = sa.select(_VERSIONS).where(_VERSIONS.c.resource == resource).order_by(_VERSIONS.c.number.desc())
        with self._engine.connect() as db:
            rows = [dict(row) for row in db.execute(query.limit(SHOWN_VERSIONS + 1)).mappings()]
        found = []
        for row, before in zip(rows, [*rows[1:], None], strict=False):
            found.append(
                {
                    "seen_at": row["seen_at"],
                    "digest": row["digest"][:12],
                    "version": _version(row["content"]),
                    "diff": _changes(before["content"], row["content"]) if before else None,
                }
            )
        return found[:SHOWN_VERSIONS]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _version(content: str) -> str | None:
    try:
        return parse_contract(content.encode(), "contract").version
    except (ValidationError, UnreadableDocument):
        return None


@lru_cache(maxsize=256)
def _changes(before: str, after: str) -> dict[str, Any] | None:
    try:
        return diff(parse_contract(before.encode(), "before"), parse_contract(after.encode(), "after")).to_json()
    except (ValidationError, UnreadableDocument):
        return None
