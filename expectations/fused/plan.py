"""What a fused scan is made of: the table, and what each expectation adds to the scan of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from catalog.derive.sql_predicates import literal, quote

NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
TEMPORAL = ("DATE", "TIMESTAMP")
EXAMPLE_COUNT = 20  # GE's partial_unexpected_count
ROWS = {"table.row_count": "count(*)"}
Shape = Literal["value", "tuple", "dict"]


class MissingColumn(Exception):
    """An expectation names a column that the table does not have."""


@dataclass(frozen=True)
class Derived:
    """A column computed once a row; level 2 may use those of level 1, level 3 those of level 2."""

    alias: str
    sql: str
    level: int

    @property
    def reference(self) -> str:
        return f"t.{quote(self.alias)}"


@dataclass(frozen=True)
class Join:
    """``left join (relation) as alias on alias.key = column``; the relation's keys are unique: no row is doubled."""

    alias: str
    relation: str
    column: str

    @property
    def sql(self) -> str:
        return f"left join ({self.relation}) as {self.alias} on {self.alias}.key = {self.column}"


@dataclass(frozen=True)
class Distinct:
    """The different hashes of ``listed`` columns in the rows of ``table`` (alias ``t``) that meet ``condition``."""

    table: str
    listed: str
    condition: str


@dataclass(frozen=True)
class Table:
    """What is known of a table before it is scanned: its name in SQL, its columns, and the tables it refers to.

    ``bit_tricks``: its engine can take words apart; an engine that cannot is given the plain form of a check.
    """

    sql: str
    types: Mapping[str, str]
    reference: Callable[[str], str]
    bit_tricks: bool = True

    def column(self, name: str) -> str:
        """Return the SQL of a column; raise :class:`MissingColumn` when there is none of that name."""
        if name not in self.types:
            raise MissingColumn(f'Error: The column "{name}" in BatchData does not exist.')
        return f"t.{quote(name)}"

    def kind(self, name: str) -> str:
        """Return ``text``, ``number``, ``time``, ``boolean`` or ``other``."""
        self.column(name)
        base = self.types[name].split("(")[0]
        if base in NUMERIC:
            return "number"
        kinds = {"VARCHAR": "text", "BOOLEAN": "boolean", **dict.fromkeys(TEMPORAL, "time")}
        return kinds.get(base, "other")


@dataclass(frozen=True)
class Compiled:
    """One expectation: ``aggregates`` gives each metric as SQL over alias ``t``; ``known`` needs no scan.

    ``counted`` names the metric whose unexpected rows are counted, ``columns`` and ``unexpected`` say how to show some
    of them, in GE's ``shape`` (``nulls``: they are all null). ``summed``: GE sums ones and zeros, which over no rows is
    null, and so reports no count of an empty table. ``distinct``: unexpected are as many as the counted metric's
    aggregate says, less the distinct hashes. ``recount`` is the exact count and examples of a metric of which only a
    bound is known: it runs when the bound is not 0. ``bounded``: of the counted metric, too, only a bound is known, and
    its exact count comes with the examples.
    """

    aggregates: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    derived: tuple[Derived, ...] = ()
    counted: str | None = None
    columns: tuple[str, ...] = ()
    unexpected: str = ""
    shape: Shape = "value"
    nulls: bool = False
    summed: bool = False
    distinct: Distinct | None = None
    recount: str | None = None
    bounded: bool = False


Kwargs = Mapping[str, Any]
Compiler = Callable[[Table, Kwargs], Compiled | None]


def example_sql(compiled: Compiled) -> str:
    """Return the SQL of one example: the column, or a struct of several."""
    if compiled.shape == "value":
        return f"t.{quote(compiled.columns[0])}"
    return "{" + ", ".join(f"{literal(column)}: t.{quote(column)}" for column in compiled.columns) + "}"


def column_map(
    table: Table,
    column: str,
    metric: str,
    good: str,
    *,
    joins: tuple[Join, ...] = (),
    derived: tuple[Derived, ...] = (),
    bound: str | None = None,
) -> Compiled:
    """GE's column map: nulls are left out; unexpected are the others for which ``good`` is false.

    ``bound`` is a cheap condition on aggregates, which holds whenever a value is unexpected; only then they are counted.
    """
    col = table.column(column)
    bad = f"{col} is not null and not ({good})"
    counted = count_where(bad) if bound is None else f"cast(coalesce({bound}, false) as integer)"
    return Compiled(
        aggregates={
            **ROWS,
            "column_values.nonnull.unexpected_count": f"count(*) - count({col})",
            f"{metric}.unexpected_count": counted,
        },
        joins=joins,
        derived=derived,
        counted=metric,
        columns=(column,),
        unexpected=bad,
        summed=True,
        bounded=bound is not None,
    )


def count_where(domain: str) -> str:
    return "count(*)" if domain == "true" else f"count(*) filter (where {domain})"
