"""Tables built from a query (dbt marts): written again only when their rows or their columns really differ."""

from __future__ import annotations

import re

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError, ValidationException
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.update import AddSchemaUpdate, SetCurrentSchemaUpdate
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, quote
from lakehouse.connect.faults import fault_point
from lakehouse.tables.commit import Change, add_snapshot, every_file, refresh
from lakehouse.tables.files import data_files, write_files
from lakehouse.tables.producer import OneCommit
from lakehouse.tables.schema import TABLE_PROPERTIES, ensure_namespace

CONTENT_HASH = "citybrain.content-hash"
_TYPES: dict[str, IcebergType] = {
    "BOOLEAN": BooleanType(),
    "TINYINT": IntegerType(),
    "SMALLINT": IntegerType(),
    "INTEGER": IntegerType(),
    "UTINYINT": IntegerType(),
    "USMALLINT": IntegerType(),
    "UINTEGER": LongType(),
    "BIGINT": LongType(),
    "FLOAT": FloatType(),
    "DOUBLE": DoubleType(),
    "DATE": DateType(),
    "TIME": TimeType(),
    "TIMESTAMP": TimestampType(),
    "TIMESTAMP WITH TIME ZONE": TimestamptzType(),
    "VARCHAR": StringType(),
    "BLOB": BinaryType(),
}
_CASTS = {
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "HUGEINT": "decimal(38,0)",
    "UBIGINT": "decimal(20,0)",
    "UUID": "varchar",
    "JSON": "varchar",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "INTERVAL": "varchar",
}


class UnsupportedType(ValueError):
    """A column of the query has a type that the table format does not have."""


def replace_with_query(
    con: Connection, catalog: Catalog, identifier: str, select_sql: str, *, summary: dict[str, str] | None = None
) -> bool:
    """Let a table hold exactly the rows of a query; create it when it is missing.

    Returns False, and commits nothing, when the columns and the content hash (which does not look at the order of rows)
    are those that the table has. A column that changed its type gets a new field id; older snapshots keep the old one.

    Raises:
        UnsupportedType: a column is a list, struct or another type without a counterpart.
        CommitFailedException: another writer changed the table meanwhile.
        StaleWriter: the branch was taken over.
    """
    columns, select = _columns_and_casts(con, identifier, select_sql)
    digest = content_hash(con, select, [name for name, _ in columns])
    table = _load_or_create(catalog, identifier, columns)
    schema = _next_schema(table, columns)
    if schema == table.schema() and table.properties.get(CONTENT_HASH) == digest:
        return False
    files = write_files(con, table, select, schema=schema)
    fault_point("after-data-files")
    try:
        _commit(table, schema, files, dict(summary or {}) | {CONTENT_HASH: digest})
    except (CommitFailedException, ValidationException):
        for file in files:
            objects.remove(file)
        refresh(table)
        raise
    fault_point("after-commit")
    return True


def content_hash(con: Connection, select_sql: str, names: list[str]) -> str:
    """Return a hash of the rows of a query that does not depend on their order: count and two 64-bit hash sums."""
    columns = ", ".join(map(quote, names))
    row = con.execute(
        f"select count(*), coalesce(sum(hash({columns})), 0), coalesce(sum(hash({columns}, 'second')), 0) from ({select_sql})"
    ).fetchone()
    return "" if row is None else f"{row[0]:x}-{int(row[1]):x}-{int(row[2]):x}"


def _columns_and_casts(con: Connection, identifier: str, select_sql: str) -> tuple[list[tuple[str, IcebergType]], str]:
    """Return the columns of a query with their table types, and the query with casts to these."""
    described = con.execute(f"describe {select_sql}").fetchall()
    columns, casts, faults = [], [], []
    for name, duck, *_ in described:
        cast = _CASTS.get(duck) or ("varchar" if duck.startswith("ENUM") else None)
        kind = _iceberg_type((cast or duck).upper().replace(" ", "") if cast else duck)
        if kind is None:
            faults.append(f"{name} {duck}")
            continue
        columns.append((name, kind))
        casts.append(f"cast({quote(name)} as {cast}) as {quote(name)}" if cast else quote(name))
    if faults:
        raise UnsupportedType(f"{identifier}: no table type for {', '.join(faults)}; cast them in the model")
    return columns, f"select {', '.join(casts)} from ({select_sql})"


def _iceberg_type(duck: str) -> IcebergType | None:
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duck)
    if match:
        return DecimalType(int(match[1]), int(match[2]))
    return _TYPES.get(duck)


def _load_or_create(catalog: Catalog, identifier: str, columns: list[tuple[str, IcebergType]]) -> Table:
    try:
        return catalog.load_table(identifier)
    except NoSuchTableError:
        ensure_namespace(catalog, identifier.partition(".")[0])
    fields = [NestedField(number, name, kind, required=False) for number, (name, kind) in enumerate(columns, 1)]
    try:
        return catalog.create_table(identifier, Schema(*fields), properties=TABLE_PROPERTIES)
    except TableAlreadyExistsError:
        return catalog.load_table(identifier)


def _next_schema(table: Table, columns: list[tuple[str, IcebergType]]) -> Schema:
    """Return the schema for these columns: the same name and type keeps its field id, anything else gets a new one."""
    have = {field.name: field for field in table.schema().fields}
    last = table.metadata.last_column_id
    fields = []
    for name, kind in columns:
        field = have.get(name)
        if field is None or field.field_type != kind:
            last += 1
            field = NestedField(last, name, kind, required=False)
        fields.append(field)
    return Schema(*fields, schema_id=1 + max(schema.schema_id for schema in table.metadata.schemas))


def _commit(table: Table, schema: Schema, files: list[str], properties: dict[str, str]) -> None:
    transaction = OneCommit(table)
    transaction.set_properties({CONTENT_HASH: properties[CONTENT_HASH]})
    if schema != table.schema():
        transaction._stage((AddSchemaUpdate(schema=schema), SetCurrentSchemaUpdate(schema_id=-1)), ())
    change = Change(added=data_files(table, files, schema=schema), removed=every_file(table))
    add_snapshot(transaction, change, properties)
    transaction.commit_transaction()
