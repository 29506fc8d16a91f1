"""The cluster profile's register: the same tables in PostgreSQL, and pointers that are Nessie's references.

A transaction holds the installation's advisory lock. Its pointer changes go to Nessie as one commit, compared and swapped
on the commit that they were read from. Two stores cannot commit together, so what the register is to say afterwards is
written down first (``intent``), under the id that the Nessie commit carries. Whoever opens the next transaction finds an
intent that was left behind and looks in Nessie's log: if the commit is there, the register says so now; if not, a commit
on the fence makes sure that it can no longer arrive, and the intent is forgotten.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg

from lakehouse.connect import objects
from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.database import MAIN, SCRATCH_PREFIX, PointersMoved, Register, Rows, branch_schema
from lakehouse.connect.faults import fault_point, guard_off
from lakehouse.connect.nessie import (
    EMPTY_HASH,
    NAMESPACE,
    TABLE,
    CommitConflict,
    Content,
    Delete,
    Entries,
    Nessie,
    Put,
)
from lakehouse.connect.servers import ReferenceGone, named
from lakehouse.connect.settings import Settings
from lakehouse.connect.unfinished import refuse_unfinished_restore

CONNECT_SECONDS = 5
LOCK_WAIT = "60s"
FENCE = ("ops",)  # a namespace that every commit of a transaction writes, so that two of them never pass each other
_FENCE_PROPERTY = "citybrain.last-transaction"
_LOCK = "hashtextextended('citybrain:' || current_schema(), 0)"

_SCHEMA = """
create table if not exists intent (
    id text primary key,
    reference text not null,
    expected text not null,
    statements text not null
);
create table if not exists reference (
    name text primary key
);
"""


def connect_database(cluster: ClusterSettings) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a session on the register's database, each statement a transaction of its own."""
    return psycopg.connect(
        cluster.database_uri.get_secret_value(),
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        application_name="citybrain",
    )


@contextmanager
def _session(settings: Settings) -> Iterator[tuple[psycopg.Connection[tuple[Any, ...]], ClusterSettings]]:
    cluster = cluster_settings(settings)
    refuse_unfinished_restore(settings)
    with named("PostgreSQL", cluster.database_address, psycopg.Error), connect_database(cluster) as db:
        _prepare(db, cluster.database_uri.get_secret_value())
        yield db, cluster


_prepared: set[str] = set()


def _prepare(db: psycopg.Connection[tuple[Any, ...]], uri: str) -> None:
    """Create the tables that are missing, once a process."""
    if uri in _prepared:
        return
    db.execute(f"select pg_advisory_lock({_LOCK})")
    try:
        with db.transaction():
            db.execute(branch_schema("bigint generated always as identity primary key") + _SCHEMA)
    finally:
        db.execute(f"select pg_advisory_unlock({_LOCK})")
    _prepared.add(uri)


@contextmanager
def reading_cluster(settings: Settings) -> Iterator[Register]:
    """Give the register as of one moment, and each reference as of when it is first looked at."""
    with _session(settings) as (db, cluster):
        db.execute("begin isolation level repeatable read read only")
        yield ClusterRegister(db, cluster)
        db.execute("rollback")


@contextmanager
def cluster_transaction(settings: Settings, *, atomic: bool) -> Iterator[Register]:
    """Run the block with the installation's lock held; the register and one reference change together."""
    with _session(settings) as (db, cluster):
        db.execute(f"set lock_timeout = '{LOCK_WAIT}'")
        db.execute(f"select pg_advisory_lock({_LOCK})")  # goes with the session, however it ends
        nessie = Nessie(cluster.nessie_uri)
        _settle_intents(db, nessie)
        _sweep(db, nessie)
        if not atomic:
            yield _StatementByStatement(db, cluster)
            return
        register = ClusterRegister(db, cluster)
        db.execute("begin")
        yield register
        register.conclude()
        _sweep(db, nessie)


def _sweep(db: psycopg.Connection[tuple[Any, ...]], nessie: Nessie) -> None:
    """Delete the references that no branch works on any more, which is what locks their old writers out."""
    rows = db.execute(
        "select name from reference where name not in (select catalog_name from branch where state <> 'dropped')"
    ).fetchall()
    for (name,) in rows:
        nessie.delete(name)
        db.execute("delete from reference where name = %s", (name,))


def _settle_intents(db: psycopg.Connection[tuple[Any, ...]], nessie: Nessie) -> None:
    """Finish, or rule out, what a transaction left behind that did not live to see its end."""
    if guard_off("intent"):
        return
    rows = db.execute("select id, reference, expected, statements from intent order by id").fetchall()
    for id_, reference, expected, statements in rows:
        if _has_landed(nessie, reference, id_, expected):
            _replay(db, id_, json.loads(statements))
        else:
            db.execute("delete from intent where id = %s", (id_,))


def _has_landed(nessie: Nessie, reference: str, id_: str, expected: str) -> bool:
    """Tell whether a commit is in the log; when it is not, see to it that it never will be."""
    while True:
        try:
            if nessie.find_commit(reference, id_, since=expected):
                return True
            now = nessie.entries(reference)
            nessie.commit(reference, now.hash, [_fence(now, f"not-{id_}")], "rule out a lost commit")
        except ReferenceGone:
            return False
        except CommitConflict:
            continue
        return False


def _fence(entries: Entries, value: str) -> Put:
    content = entries.namespaces.get(FENCE, {"type": NAMESPACE, "elements": list(FENCE)})
    return Put(FENCE, {**content, "properties": {**(content.get("properties") or {}), _FENCE_PROPERTY: value}})


Statement = tuple[str, list[Any]]


def _replay(db: psycopg.Connection[tuple[Any, ...]], id_: str, statements: list[Statement]) -> None:
    with db.transaction():
        for sql, parameters in statements:
            db.execute(sql.encode(), parameters)
        db.execute("delete from intent where id = %s", (id_,))


class ClusterRegister(Register):
    """A PostgreSQL transaction, and the pointer changes that are to become one Nessie commit."""

    def __init__(self, db: psycopg.Connection[tuple[Any, ...]], cluster: ClusterSettings) -> None:
        self._db = db
        self._cluster = cluster
        self._nessie = Nessie(cluster.nessie_uri)
        self._statements: list[Statement] = []
        self._read: dict[str, Entries] = {}  # reference -> what it held when it was first looked at
        self._moves: dict[str, dict[str, str | None]] = {}  # reference -> identifier -> new pointer
        self._known: dict[str, Content] = {}  # pointer -> its content, of all that was read

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement; what it changes is remembered, to be done again after the pointers moved."""
        text = sql.replace("?", "%s")
        if not text.lstrip().lower().startswith("select"):
            self._statements.append((text, list(parameters)))
        return self._db.execute(text.encode(), tuple(parameters))

    def catalog_name(self, branch: str, token: int) -> str:
        """The reference's name; it carries the token."""
        return self._cluster.reference(branch, token)

    def pointers(self, catalog_name: str) -> dict[str, str]:
        """Return the pointers of a reference with this transaction's changes; one that is gone has none."""
        reference = self._reference(catalog_name)
        found = {name: content["metadataLocation"] for name, content in self._entries(reference).tables.items()}
        for identifier, pointer in self._moves.get(reference, {}).items():
            if pointer is None:
                found.pop(identifier, None)
            else:
                found[identifier] = pointer
        return {name: found[name] for name in sorted(found) if not name.startswith(SCRATCH_PREFIX)}

    def set_pointer(self, catalog_name: str, identifier: str, pointer: str | None) -> None:
        """Note a change of a pointer."""
        self._moves.setdefault(self._reference(catalog_name), {})[identifier] = pointer

    def swap_pointer(self, catalog_name: str, identifier: str, base: str | None, pointer: str | None) -> bool:
        """Note a change; that ``base`` is still there when it is made is Nessie's to check."""
        if self.pointers(catalog_name).get(identifier) != base:
            return False
        self.set_pointer(catalog_name, identifier, pointer)
        return True

    def copy_catalog(self, source: str, target: str) -> None:
        """Make a reference at the head of another one, as this transaction sees it."""
        origin = self._reference(source)
        entries = self._entries(origin)
        self._own(target)
        try:
            self._nessie.create(target, entries.hash, origin)
        except CommitConflict:  # left behind by a transaction that did not end; nobody was given this token
            self._nessie.delete(target)
            self._nessie.create(target, entries.hash, origin)
        self._read[target] = Entries(entries.hash, dict(entries.tables), dict(entries.namespaces))

    def rename_catalog(self, old: str, new: str) -> None:
        """Continue a reference under a new name; the old one is swept, so that its writers find nothing."""
        self.copy_catalog(old, new)

    def drop_catalog(self, catalog_name: str) -> None:
        """Nothing to do: a reference is swept when no branch has its name."""

    def every_pointer(self) -> list[tuple[str, str]]:
        """Return the pointers of this installation's references, and those of any reference into its warehouse."""
        mine = {self._cluster.main_reference} | {
            row[0] for row in self.execute("select name from reference").fetchall()
        }
        ours = f"{self._cluster.warehouse_location}/"
        found: set[tuple[str, str]] = set()
        for reference, at in self._nessie.references().items():
            try:
                tables = self._nessie.entries(reference, at).tables
            except ReferenceGone:
                continue  # deleted in between
            pointers = {(identifier, content["metadataLocation"]) for identifier, content in tables.items()}
            found |= {pair for pair in pointers if reference in mine or pair[1].startswith(ours)}
        return sorted(found)

    def conclude(self) -> None:
        """End the transaction: pointers first, then the register."""
        moved = [(reference, moves) for reference, moves in self._moves.items() if moves]
        if len(moved) > 1:
            raise AssertionError(f"one transaction, one reference: {[reference for reference, _ in moved]}")
        operations = self._operations(*moved[0]) if moved else []
        if not operations:
            self._db.execute("commit")
        else:
            self._db.execute("rollback")
            self._commit_both(moved[0][0], operations)

    def _commit_both(self, reference: str, operations: list[Put | Delete]) -> None:
        id_, seen = uuid.uuid4().hex, self._entries(reference)
        self._db.execute(
            "insert into intent (id, reference, expected, statements) values (%s, %s, %s, %s)",
            (id_, reference, seen.hash, json.dumps(self._statements)),
        )
        try:
            self._nessie.commit(
                reference, seen.hash, [*operations, _fence(seen, id_)], f"citybrain {id_}", commit_id=id_
            )
        except (CommitConflict, ReferenceGone) as conflict:
            self._db.execute("delete from intent where id = %s", (id_,))
            raise PointersMoved(f"{reference}: {conflict}") from conflict
        fault_point("between-stores")
        _replay(self._db, id_, self._statements)

    def _operations(self, reference: str, moves: dict[str, str | None]) -> list[Put | Delete]:
        seen = self._entries(reference)
        operations: list[Put | Delete] = []
        namespaces = {FENCE} | seen.namespaces.keys()
        for identifier, pointer in sorted(moves.items()):
            key, have = tuple(identifier.split(".")), seen.tables.get(identifier)
            if pointer == (None if have is None else have["metadataLocation"]):
                continue
            if pointer is None:
                operations.append(Delete(key))
                continue
            if key[:-1] not in namespaces:
                namespaces.add(key[:-1])
                operations.append(Put(key[:-1], {"type": NAMESPACE, "elements": list(key[:-1]), "properties": {}}))
            content = {k: v for k, v in self._content(pointer).items() if k != "id"}
            operations.append(Put(key, content if have is None else content | {"id": have["id"]}))
        return operations

    def _content(self, pointer: str) -> Content:
        if pointer not in self._known:
            self._known[pointer] = _content_of(pointer)
        return self._known[pointer]

    def _entries(self, reference: str) -> Entries:
        if reference not in self._read:
            try:
                self._read[reference] = self._nessie.entries(reference)
            except ReferenceGone:
                if reference == self._cluster.main_reference:
                    self._read[reference] = _make_main(self._nessie, reference)
                else:
                    return Entries(EMPTY_HASH)
            tables = self._read[reference].tables.values()
            self._known |= {content["metadataLocation"]: content for content in tables}
        return self._read[reference]

    def _reference(self, catalog_name: str) -> str:
        return self._cluster.main_reference if catalog_name == MAIN else catalog_name

    def _own(self, reference: str) -> None:
        """Remember, whatever becomes of this transaction, that a reference is ours to delete."""
        with connect_database(self._cluster) as db:
            db.execute("insert into reference (name) values (%s) on conflict do nothing", (reference,))


class _StatementByStatement(ClusterRegister):
    """For the negative control of a fault test: every pointer is a commit of its own."""

    def set_pointer(self, catalog_name: str, identifier: str, pointer: str | None) -> None:
        """Change one pointer at once."""
        reference = self._reference(catalog_name)
        super().set_pointer(catalog_name, identifier, pointer)
        operations = self._operations(reference, self._moves.pop(reference))
        if operations:
            self._nessie.commit(reference, self._entries(reference).hash, operations, f"set {identifier}")
        self._read.pop(reference)


def _make_main(nessie: Nessie, reference: str) -> Entries:
    """Make the reference that readers see, for an installation that shares a Nessie with others."""
    try:
        nessie.create(reference, EMPTY_HASH, reference)
    except CommitConflict:
        return nessie.entries(reference)
    return Entries(EMPTY_HASH)


@lru_cache(maxsize=1024)
def _content_of(pointer: str) -> Content:
    """Return what Nessie keeps of a table version, from its metadata."""
    metadata = json.loads(objects.read_bytes(pointer))
    return {
        "type": TABLE,
        "metadataLocation": pointer,
        "snapshotId": metadata.get("current-snapshot-id") or -1,
        "schemaId": metadata["current-schema-id"],
        "specId": metadata.get("default-spec-id", 0),
        "sortOrderId": metadata.get("default-sort-order-id", 0),
    }
