"""DuckDB connections: extensions from the installed wheels, limits from the settings, views over a branch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence, Set
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import duckdb

from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import MAIN, branch_pointers
from lakehouse.connect.duck_cluster import NamingConnection, read_objects
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import Column, TableVersion, table_version

Connection = duckdb.DuckDBPyConnection
Relation = duckdb.DuckDBPyRelation
DuckError = duckdb.Error

EXTENSIONS = ("avro", "iceberg", "encodings", "httpfs")
QUARANTINE_COLUMNS = {
    "batch_id": "varchar",
    "delivery": "varchar",
    "row_number": "bigint",
    "key": "varchar",
    "rule": "varchar",
    "rules": "varchar",
    "column_name": "varchar",
    "reason": "varchar",
    "raw": "varchar",
}
_DUCK_TYPES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "string": "varchar",
    "binary": "blob",
    "uuid": "uuid",
}


def open_duckdb(
    path: Path | None = None,
    *,
    read_only: bool = False,
    settings: Settings | None = None,
    temp_dir: Path | None = None,
) -> Connection:
    """Open DuckDB (in memory without ``path``) within the settings' memory and thread limits.

    Extensions come from the wheels and are loaded when a statement first needs one (``encodings`` takes over a
    second); nothing is ever downloaded. What does not fit in memory goes to ``temp_dir``.
    """
    settings = settings or Settings()
    spill = temp_dir or settings.root / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "true",
        "extension_directory": str(_extension_directory(settings)),
        "memory_limit": settings.memory_limit,
        "threads": str(settings.threads or os.cpu_count() or 1),
        "temp_directory": str(spill),
        "python_enable_replacements": "false",
    }
    con = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=config)
    con.execute("set enable_progress_bar = false")  # DuckDB would draw into the output of whoever runs a long statement
    if settings.profile == "cluster":
        cluster = cluster_settings(settings)
        read_objects(con, cluster)
        return cast(Connection, NamingConnection(con, cluster.s3_endpoint))
    return con


def _extension_directory(settings: Settings) -> Path:
    """Lay out the wheels' extension files the way DuckDB looks for them, as links."""
    root = settings.root / "extensions"
    folder = root / f"v{duckdb.__version__}" / _platform()
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXTENSIONS:
        source = _wheel_file(name)
        link = folder / f"{name}.duckdb_extension"
        if not (link.is_symlink() and link.readlink() == source):
            _replace_link(link, source)
    return root


def _platform() -> str:
    machine = os.uname().machine
    arch = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine)
    return f"{'osx' if os.uname().sysname == 'Darwin' else 'linux'}_{arch}"


def _wheel_file(name: str) -> Path:
    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package duckdb-extension-{name} is missing; run `uv sync`")
    return Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def _replace_link(link: Path, source: Path) -> None:
    """Point ``link`` at ``source`` in one step, so that a process opening it now sees the old or the new one."""
    with tempfile.TemporaryDirectory(dir=link.parent) as folder:
        fresh = Path(folder) / link.name
        fresh.symlink_to(source)
        fresh.replace(link)


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def duck_type(iceberg_type: str) -> str:
    """Return the DuckDB type of an Iceberg primitive type."""
    if iceberg_type.startswith("decimal"):
        return iceberg_type.replace(" ", "")
    if iceberg_type.startswith("fixed"):
        return "blob"
    return _DUCK_TYPES[iceberg_type]


def files_sql(
    columns: Sequence[Column],
    files: Sequence[str],
    delete_files: Sequence[tuple[str, str]] = (),
    *,
    evolved: Set[str] = frozenset(),
    positions: bool = False,
) -> str:
    """Return a table expression over data files.

    In ``evolved`` files columns are found by Iceberg field id: those that a file does not have yet read as null, widened
    types are cast. It costs twice as much as reading by name, so it is kept to these. Rows named by ``delete_files``
    (position delete file, its data file) are left out. ``positions`` adds ``file_number`` (in ``files``) and
    ``row_number`` (in the file, from 0).
    """
    dirty = {data_file for _, data_file in delete_files}
    selects = []
    for is_dirty, by_id in ((False, False), (False, True), (True, False), (True, True)):
        numbers = [n for n, file in enumerate(files) if (file in dirty) == is_dirty and (file in evolved) == by_id]
        if not numbers:
            continue
        select = _read_sql(columns, files, numbers, by_id=by_id, numbered=is_dirty or positions, positions=positions)
        if is_dirty:
            select += (
                f" anti join {_deleted_sql(files, numbers, delete_files)} gone"
                " on t.file_index = gone.file_index and t.file_row_number = gone.pos"
            )
        selects.append(select)
    return f"({' union all '.join(selects)})" if selects else _no_rows_sql(columns, positions)


def _no_rows_sql(columns: Sequence[Column], positions: bool) -> str:
    names = [f"cast(null as {duck_type(column.type)}) as {quote(column.name)}" for column in columns]
    names += ["0::bigint as file_number", "0::bigint as row_number"] if positions else []
    return f"(select {', '.join(names)} where false)"


def _read_sql(
    columns: Sequence[Column], files: Sequence[str], numbers: list[int], *, by_id: bool, numbered: bool, positions: bool
) -> str:
    """Return a select over the files of these numbers, without looking at deletes; ``numbered`` lets it see row numbers."""
    names = [f"t.{quote(column.name)}" for column in columns]
    if positions:
        place = "t.file_index::bigint"
        same = numbers == list(range(len(numbers)))
        names.append(f"{place} as file_number" if same else f"({numbers}::bigint[])[{place} + 1] as file_number")
        names.append("t.file_row_number as row_number")
    fields = ", ".join(
        f"{c.field_id}: {{name: {literal(c.name)}, type: {literal(duck_type(c.type))}, default_value: null}}"
        for c in columns
    )
    options = (", file_row_number = true" if numbered else "") + (f", schema = map {{{fields}}}" if by_id else "")
    paths = ", ".join(literal(files[number]) for number in numbers)
    return f"select {', '.join(names)} from read_parquet([{paths}]{options}) t"


def _deleted_sql(files: Sequence[str], numbers: list[int], delete_files: Sequence[tuple[str, str]]) -> str:
    """Return the deleted positions of the numbered files, by their place in that list."""
    wanted = {files[number] for number in numbers}
    places = ", ".join(f"({place}, {literal(files[number])})" for place, number in enumerate(numbers))
    paths = ", ".join(literal(path) for path, data_file in delete_files if data_file in wanted)
    return (
        f"(select f.file_index, d.pos from read_parquet([{paths}]) d"
        f" join (values {places}) f(file_index, path) on d.file_path = f.path)"
    )


def version_sql(version: TableVersion) -> str:
    """Return a table expression over one table version."""
    if version.needs_extension:
        snapshot = "" if version.snapshot_id is None else f", snapshot_from_id => {version.snapshot_id}"
        return f"iceberg_scan({literal(version.metadata_location)}{snapshot})"
    return files_sql(version.columns, version.files, version.delete_files, evolved=version.evolved)


def view_sql(identifier: str, metadata_location: str) -> str:
    """Return the statement that makes the view of a table, named as its identifier."""
    schema, _, table = identifier.partition(".")
    version = table_version(metadata_location)
    columns = ", ".join(quote(c.name) for c in version.columns)
    return f"create or replace view {quote(schema)}.{quote(table)} as select {columns} from {version_sql(version)}"


def attach_branch(con: Connection, settings: Settings, branch: str = MAIN, *, extra_views: bool = True) -> list[str]:
    """Make a schema and a view for every table of a branch; return the identifiers.

    The views keep showing the branch as it is now. ``extra_views`` adds ``ops.quarantine``.
    """
    return attach_pointers(con, branch_pointers(settings, branch), extra_views=extra_views)


def attach_pointers(con: Connection, tables: dict[str, str], *, extra_views: bool = True) -> list[str]:
    """Make the views of a set of metadata pointers, as ``attach_branch`` does."""
    for schema in sorted({identifier.partition(".")[0] for identifier in tables}):
        con.execute(f"create schema if not exists {quote(schema)}")
    for identifier, pointer in tables.items():
        con.execute(view_sql(identifier, pointer))
    if extra_views:
        con.execute("create schema if not exists ops")
        con.execute(quarantine_view_sql(tables))
    return list(tables)


def quarantine_view_sql(tables: dict[str, str]) -> str:
    """Return the statement of ``ops.quarantine``: all quarantine tables, with dept and resource first."""
    parts = [_quarantine_part(identifier) for identifier in tables if identifier.startswith("quarantine.")]
    if not parts:
        empty = ", ".join(f"cast(null as {type_}) as {quote(name)}" for name, type_ in QUARANTINE_COLUMNS.items())
        parts = [f"select cast(null as varchar) as dept, cast(null as varchar) as resource, {empty} where false"]
    return f"create or replace view ops.quarantine as {' union all by name '.join(parts)}"


def _quarantine_part(identifier: str) -> str:
    table = identifier.partition(".")[2]
    dept, _, resource = table.partition("_")
    columns = ", ".join(map(quote, QUARANTINE_COLUMNS))
    return f"select {literal(dept)} as dept, {literal(resource)} as resource, {columns} from quarantine.{quote(table)}"
