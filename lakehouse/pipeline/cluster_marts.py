"""Marts that Trino built on a branch: told apart by their content, since a build writes every one of them anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lakehouse.branches import Branch
from lakehouse.branches.restoring import moves, restore
from lakehouse.connect import objects
from lakehouse.connect.duck import literal, quote
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import TrinoConnection
from lakehouse.tables.derived import CONTENT_HASH

Columns = list[tuple[str, Any, bool]]


def settle_marts(settings: Settings, branch: Branch, con: TrinoConnection, built: Sequence[str]) -> list[str]:
    """Put back the marts whose content is that of ``main``, and mark the others with theirs; return these.

    What is put back does not count as changed, so that a build on unchanged data publishes nothing.
    """
    tables = {
        name: (None if base is None else _metadata(base), _metadata(mine))
        for name, (base, mine) in moves(settings, branch, built).items()
        if mine is not None and mine != base
    }
    hashes = content_hashes(con, {name: [column for column, *_ in columns(mine)] for name, (_, mine) in tables.items()})
    same = [name for name, (base, mine) in tables.items() if base is not None and _equal(base, mine, hashes[name])]
    if same:
        restore(settings, branch, same)
    changed = sorted(tables.keys() - set(same))
    catalog = open_catalog(settings, branch.catalog_name)
    for name in changed:
        with catalog.load_table(name).transaction() as transaction:
            transaction.set_properties({CONTENT_HASH: hashes[name]})
    return changed


def content_hashes(con: TrinoConnection, tables: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return a hash of each table's rows that does not depend on their order: their count, and two sums of hashes.

    Each row is hashed as one text, in which every column keeps its place and null is not an empty text.
    """
    if not tables:
        return {}
    selects = [_hash_sql(name, names) for name, names in tables.items()]
    rows = con.execute(" union all ".join(selects)).fetchall()
    return {name: f"{count:x}-{int(first):x}-{int(second):x}" for name, count, first, second in rows}


def _hash_sql(name: str, columns: Iterable[str]) -> str:
    row = ", ".join(map(quote, columns))
    schema, _, table = name.partition(".")
    halves = ", ".join(
        f"coalesce(sum(cast(from_big_endian_64(substr(h, {start}, 8)) as decimal(38, 0))), 0)" for start in (1, 9)
    )
    return (
        f"select {literal(name)}, count(*), {halves} from"
        f" (select murmur3(to_utf8(json_format(cast(row({row}) as json)))) as h from {quote(schema)}.{quote(table)})"
    )


def columns(metadata: Mapping[str, Any]) -> Columns:
    """Return the columns of a table's current schema: name, type, whether it must be there."""
    current = metadata["current-schema-id"]
    schema = next(schema for schema in metadata["schemas"] if schema["schema-id"] == current)
    return [(field["name"], field["type"], field["required"]) for field in schema["fields"]]


def _equal(base: Mapping[str, Any], mine: Mapping[str, Any], digest: str) -> bool:
    return columns(base) == columns(mine) and base.get("properties", {}).get(CONTENT_HASH) == digest


def _metadata(pointer: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(objects.read_bytes(pointer))
    return found
