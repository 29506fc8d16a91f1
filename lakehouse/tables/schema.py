"""Create tables and let their schemas grow; refuse every change that could lose or reinterpret data."""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import DecimalType, DoubleType, FloatType, IcebergType, IntegerType, LongType, NestedField
from sqlalchemy.exc import IntegrityError

from lakehouse.branches import StaleWriter
from lakehouse.connect.servers import ReferenceGone

# Retries are ours: a retry inside PyIceberg would commit again without looking whether the batch is there by now.
TABLE_PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": "0",
    "write.metadata.previous-versions-max": "20",
}


class SchemaConflict(ValueError):
    """The wanted schema cannot be reached from the table's without losing or reinterpreting data."""


def ensure_table(
    catalog: Catalog, identifier: str, schema_json: dict[str, Any], properties: dict[str, str] | None = None
) -> Table:
    """Return the table, created or evolved to ``schema_json`` (an Iceberg JSON schema, columns matched by name).

    Safe changes are: a new optional column, a required column that becomes optional, int to bigint, float to double,
    a decimal with more digits at the same scale.

    Raises:
        SchemaConflict: any other difference; the message names the column and both types.
        StaleWriter: the branch was taken over or dropped.
    """
    wanted = Schema.model_validate(schema_json)
    try:
        table = catalog.load_table(identifier)
    except ReferenceGone as gone:
        raise StaleWriter(
            f"{identifier}: this writer's branch was taken over or dropped; its successor does the work"
        ) from gone
    except NoSuchTableError:
        return _create(catalog, identifier, wanted, properties or {})
    return _evolve(table, identifier, wanted, properties or {})


def _create(catalog: Catalog, identifier: str, wanted: Schema, properties: dict[str, str]) -> Table:
    ensure_namespace(catalog, identifier.partition(".")[0])
    try:
        return catalog.create_table(identifier, wanted, properties=TABLE_PROPERTIES | properties)
    except TableAlreadyExistsError:
        return _evolve(catalog.load_table(identifier), identifier, wanted, properties)


def ensure_namespace(catalog: Catalog, namespace: str) -> None:
    """Create a namespace unless it exists; another process may be doing the same."""
    if catalog.namespace_exists(namespace):
        return
    try:
        catalog.create_namespace(namespace)
    except (NamespaceAlreadyExistsError, IntegrityError):
        return


def _evolve(table: Table, identifier: str, wanted: Schema, properties: dict[str, str]) -> Table:
    for _ in range(10):
        steps = plan_evolution(table.schema(), wanted, identifier)
        changed = {key: value for key, value in properties.items() if table.properties.get(key) != value}
        if not steps and not changed:
            return table
        try:
            _apply(table, steps, changed)
        except CommitFailedException:
            table.refresh()
    return table


def plan_evolution(current: Schema, wanted: Schema, identifier: str) -> list[tuple[str, NestedField]]:
    """Return the steps (``add``, ``widen``, ``relax``) from one schema to another.

    Raises:
        SchemaConflict: there is a difference that no safe step covers.
    """
    have = {field.name: field for field in current.fields}
    steps: list[tuple[str, NestedField]] = []
    faults: list[str] = []
    for field in wanted.fields:
        step, fault = _step(have.get(field.name), field)
        steps += [(step, field)] if step else []
        faults += [fault] if fault else []
    faults += [f"column {name!r} is no longer wanted" for name in have.keys() - {field.name for field in wanted.fields}]
    if faults:
        raise SchemaConflict(
            f"table {identifier}: {'; '.join(sorted(faults))}. Only new optional columns and wider types can be applied; "
            "give the changed column a new name, or migrate the table"
        )
    return steps


def _step(have: NestedField | None, field: NestedField) -> tuple[str | None, str | None]:
    """Return the step that takes one column to its wanted form, or the fault."""
    if have is None:
        if field.required:
            return None, f"new column {field.name!r} is required, but the rows already held have no value for it"
        return "add", None
    if field.required and not have.required:
        return None, f"column {field.name!r} was optional and cannot become required"
    if have.field_type != field.field_type:
        if widens(have.field_type, field.field_type):
            return "widen", None
        return None, f"column {field.name!r} is {have.field_type}, wanted is {field.field_type}"
    return ("relax", None) if have.required and not field.required else (None, None)


def widens(old: IcebergType, new: IcebergType) -> bool:
    """Tell whether every value of ``old`` is a value of ``new`` (Iceberg's type promotions)."""
    if isinstance(old, DecimalType) and isinstance(new, DecimalType):
        return bool(old.scale == new.scale and new.precision >= old.precision)
    return (isinstance(old, IntegerType) and isinstance(new, LongType)) or (
        isinstance(old, FloatType) and isinstance(new, DoubleType)
    )


def _apply(table: Table, steps: list[tuple[str, NestedField]], properties: dict[str, str]) -> None:
    with table.transaction() as transaction:
        if properties:
            transaction.set_properties(properties)
        if not steps:
            return
        with transaction.update_schema() as update:
            for step, field in steps:
                if step == "add":
                    update.add_column(field.name, field.field_type, doc=field.doc)
                elif step == "widen":
                    update.update_column(field.name, field_type=field.field_type, required=field.required)
                else:
                    update.make_column_optional(field.name)
