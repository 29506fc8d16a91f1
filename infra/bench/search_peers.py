"""The peers of ``bench search``: SQLite FTS5 with trigrams and PostgreSQL with pg_trgm, over the same records.

Neither knows pinyin: each gets our columns of pinyin and initials beside the names, so that all kinds of questions can be
asked. A question is first asked literally; while there is room among the ten, then by similarity.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psycopg

from catalog.api.divisions import Finder
from catalog.search.folding import is_latin, words_of
from catalog.search.names import Match, Named
from infra.bench.search_queries import Oracle

TRIGRAM = 3
SIMILAR = 0.3
STATEMENT_MS = 20_000
PLACE_SQL = """
create virtual table place using fts5(
    ref unindexed, name, above, letters, letters_above, initials, initials_above, tokenize = 'trigram'
)
"""
TABLE_SQL = """
create table place (
    ref text, name text, above text, letters text, letters_above text, initials text, initials_above text,
    said text generated always as (
        name || ' ' || above || ' ' || letters || ' ' || letters_above || ' ' || initials || ' ' || initials_above
    ) stored
)
"""
Row = tuple[str, str, str, str, str, str, str]


def answer_of_one(_query: str, limit: int) -> list[Match]:
    """The floor: an answer of as many lines as others give, without looking for anything."""
    return [Match("330106", "西湖区", 3, ("浙江省", "杭州市"), (), {}) for _ in range(limit)]


def peer_rows(things: Sequence[Named], oracle: Oracle) -> Iterator[Row]:
    """Return the records as the peers hold them."""
    columns = [oracle.table[name] for name in oracle.table.columns]
    for thing, row in zip(things, zip(*columns, strict=True), strict=True):
        yield (thing.ref, *row)


def build_sqlite(path: Path, rows: Iterable[Row]) -> None:
    """Write the FTS5 table."""
    db = sqlite3.connect(path)
    db.execute(PLACE_SQL)
    db.executemany("insert into place values (?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute("insert into place (place) values ('optimize')")
    db.commit()
    db.close()


def sqlite_finder(path: Path) -> Finder:
    """Return the way to find in the FTS5 table: every word as a phrase or, under three characters, by LIKE."""
    held = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(held, "db"):
            held.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        db: sqlite3.Connection = held.db
        return db

    def find(query: str, limit: int) -> list[Match]:
        words = words_of(query)
        if not words:
            return []
        last = words[-1]
        long = [word for word in words if len(word) >= TRIGRAM]
        short = [word for word in words if len(word) < TRIGRAM]
        parts = ["place match ?"] if long else []
        parts += ["(name like ? or above like ? or letters like ? or initials like ?)" for _ in short]
        given = [" AND ".join(map(_phrase, long))] if long else []
        given += [f"%{word}%" for word in short for _ in range(4)]
        rank = ", bm25(place, 0, 10, 1, 10, 1, 10, 1)" if long else ""
        sql = (
            f"select ref, name from place where {' and '.join(parts)}"
            f" order by (name = ? or letters = ? or initials = ?) desc{rank} limit ?"
        )
        found = connection().execute(sql, (*given, last, last, last, limit)).fetchall()
        grams = [_phrase(word[at : at + TRIGRAM]) for word in long for at in range(len(word) - TRIGRAM + 1)]
        if len(found) < limit and grams:
            sql = "select ref, name from place where place match ? order by bm25(place, 0, 10, 1, 10, 1, 10, 1) limit ?"
            alike = f"{{name letters}} : ({' OR '.join(grams)})"
            found += connection().execute(sql, (alike, limit)).fetchall()
        return _matches(found, limit)

    return find


def build_postgres(address: str, rows: Iterable[Row]) -> None:
    """Write the table and its trigram index; raise ``psycopg.Error`` when the extension is missing."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("create extension if not exists pg_trgm")
        db.execute(TABLE_SQL)
        with (
            db.cursor() as cursor,
            cursor.copy(
                "copy place (ref, name, above, letters, letters_above, initials, initials_above) from stdin"
            ) as copy,
        ):
            for row in rows:
                copy.write_row(row)
        db.execute("set maintenance_work_mem = '512MB'")
        for column in ("said", "name", "letters"):
            db.execute(f"create index place_{column} on place using gin ({column} gin_trgm_ops)".encode())
        db.execute("vacuum analyze place")


def postgres_finder(address: str) -> Finder:
    """Return the way to find in PostgreSQL: every word by ILIKE, then by word similarity."""
    held = threading.local()

    def connection() -> psycopg.Connection:
        if not hasattr(held, "db"):
            held.db = psycopg.connect(address, autocommit=True)
            held.db.execute(f"set statement_timeout = {STATEMENT_MS}")
            held.db.execute(f"set pg_trgm.similarity_threshold = {SIMILAR}")
        db: psycopg.Connection = held.db
        return db

    def asked(sql: str, given: Sequence[object]) -> list[tuple[str, str]]:
        try:
            return connection().execute(sql.encode(), given).fetchall()
        except psycopg.errors.QueryCanceled:
            return []

    def find(query: str, limit: int) -> list[Match]:
        words = words_of(query)
        if not words:
            return []
        last = words[-1]
        held_ = " and ".join("said like %s" for _ in words)
        whole = "(name = %s or letters = %s or initials = %s) desc, length(name), ref"
        likes = [f"%{word}%" for word in words]
        found = asked(
            f"select ref, name from place where {held_} order by {whole} limit %s", [*likes, last, last, last, limit]
        )
        if len(found) < limit:
            others = " and ".join("said like %s" for _ in words[:-1]) or "true"
            column = "letters" if is_latin(last) else "name"
            sql = (
                f"select ref, name from place where {others} and {column} %% %s::text"
                f" order by similarity({column}, %s::text) desc, length(name) limit %s"
            )
            found += asked(sql, [*likes[:-1], last, last, limit])
        return _matches(found, limit)

    return find


def _matches(rows: Iterable[tuple[str, str]], limit: int) -> list[Match]:
    seen = dict(rows)
    return [Match(ref, name, 1, (), (), {}) for ref, name in list(seen.items())[:limit]]


def _phrase(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
