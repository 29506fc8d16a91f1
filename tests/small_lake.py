"""A small lakehouse with everything that a backup must bring back: history, merges, branches, receipts, keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from catalog.access.store import open_store
from catalog.web.rooms import page_secret
from lakehouse.branches import Branch, mark_blocked, open_branch, pointers_at, publish, publish_history
from lakehouse.connect.app_database import app_database
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import Connection, attach_branch, attach_pointers, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, history, merge_rows, read_at, replace_with_query, write_files

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "long", "required": True},
        {"id": 2, "name": "name", "type": "string", "required": False},
        {"id": 3, "name": "_batch_id", "type": "string", "required": True},
        {"id": 4, "name": "_row", "type": "long", "required": True},
    ],
}
PEOPLE = 1_000
LANDED_BYTES = 2**20
OUTCOME = "gaj.person/kept-outcome.json"


def make_small_lake(settings: Settings) -> None:
    """Publish three times, leave one branch open and one blocked, and receive something."""
    con = open_duckdb(settings=settings)
    try:
        for round_ in range(3):
            _publish_round(settings, con, round_)
        standing = open_branch(settings, "inbound")
        _append(settings, con, standing, "gaj.event", "waiting", 900, 910)
        blocked = open_branch(settings, "bad")
        _append(settings, con, blocked, "gaj.event", "bad", 950, 960)
        mark_blocked(settings, blocked, "a rule failed")
    finally:
        con.close()
    _fill_home(settings)


def _publish_round(settings: Settings, con: Connection, round_: int) -> None:
    branch = open_branch(settings, "run")
    _append(settings, con, branch, "gaj.event", f"e{round_}", round_ * 10, round_ * 10 + 10)
    _merge(settings, con, branch, round_)
    attach_branch(con, settings, branch.name)
    catalog = open_catalog(settings, branch.catalog_name)
    replace_with_query(con, catalog, "population.person_count", "select name, count(*) as n from gaj.person group by 1")
    publish(settings, branch)


def _append(
    settings: Settings, con: Connection, branch: Branch, identifier: str, batch: str, first: int, last: int
) -> None:
    table = ensure_table(open_catalog(settings, branch.catalog_name), identifier, SCHEMA)
    append_files(table, write_files(con, table, _rows_sql(first, last, batch)), batch_id=f"{identifier}:{batch}")


def _merge(settings: Settings, con: Connection, branch: Branch, round_: int) -> None:
    """The first batch holds everybody; later ones change a few, which leaves position deletes."""
    persons = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.person", SCHEMA)
    staged = settings.root / f"staged-{round_}.parquet"
    last = PEOPLE if round_ == 0 else 20 * round_
    con.execute(f"copy ({_rows_sql(0, last, f'p{round_}')}) to '{staged}'")
    merge_rows(con, persons, staged, key=["id"], version=None, batch_id=f"gaj.person:{round_}")
    staged.unlink()


def _rows_sql(first: int, last: int, batch: str) -> str:
    return f"select i as id, '{batch}' as name, '{batch}' as _batch_id, i + 1 as _row from range({first}, {last}) r(i)"


def _fill_home(settings: Settings) -> None:
    landed = settings.landing / "gaj" / "person" / "0a1b.csv"
    landed.parent.mkdir(parents=True)
    landed.write_bytes("号码,姓名\n".encode("gbk") + os.urandom(LANDED_BYTES))
    report = settings.runs / "bad" / "report.md"
    report.parent.mkdir(parents=True)
    report.write_text("# 已阻断\n", encoding="utf-8")
    outcome = settings.outcomes / OUTCOME
    outcome.parent.mkdir(parents=True)
    outcome.write_text('{"status": "accepted"}', encoding="utf-8")
    page_secret(settings.root / "page-token.key")
    with open_store(app_database(settings)) as store:
        store.create_key("gaj", "test", ["gaj.person"])
    (settings.root / "tmp").mkdir(exist_ok=True)
    (settings.root / "tmp" / "scratch").write_text("made again", encoding="utf-8")


def lake_content(settings: Settings) -> dict[str, Any]:
    """Return all that readers can see: tables of every branch, of every kept publish, and of every snapshot."""
    found: dict[str, Any] = {}
    with open_duckdb(settings=settings) as con:
        for branch in ("main", "inbound", "bad"):
            found[branch] = {
                name: con.execute(f"select * from {name} order by all").fetchall()
                for name in attach_branch(con, settings, branch, extra_views=False)
            }
        found["history"] = {name: _snapshots(con, settings, name) for name in branch_pointers(settings)}
        found["publishes"] = []
        for kept in publish_history(settings):
            attach_pointers(con, pointers_at(settings, kept.snapshot))
            rows = con.execute("select count(*), max(name) from gaj.person").fetchall()
            found["publishes"].append((kept.branch, kept.published_at, kept.tables_changed, rows))
    return found


def _snapshots(con: Connection, settings: Settings, name: str) -> list[Any]:
    return [
        (snapshot, sorted(map(repr, read_at(con, settings, name, snapshot.snapshot_id).fetchall())))
        for snapshot in history(settings, name)
    ]


def home_content(settings: Settings) -> dict[str, bytes]:
    """Return the files of a home that a backup brings back as they were."""
    kept = [settings.landing, settings.outcomes, settings.runs / "bad", settings.root / "page-token.key"]
    files = [file for place in kept for file in ([place] if place.is_file() else sorted(place.rglob("*")))]
    return {str(file.relative_to(settings.root)): file.read_bytes() for file in files if file.is_file()}


def api_keys(settings: Settings) -> list[dict[str, Any]]:
    """Return the API keys of a home."""
    with open_store(app_database(settings)) as store:
        return store.keys()


def every_file(folder: Path) -> dict[str, bytes]:
    """Return each file below a folder by its path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
