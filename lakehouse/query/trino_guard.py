"""Read a statement for Trino before it runs: only single questions about published tables pass."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.query.guard import QueryError

DIALECT = "trino"
QUARANTINE = ("ops", "quarantine")
_EXPLAIN = re.compile(r"^\s*explain(?:\s+analyze)?(?:\s+verbose)?(?:\s*\([^)]*\))?\s+", re.IGNORECASE)
_LOOK = re.compile(
    r"^\s*(?:show\s+(?:schemas|functions|tables(?:\s+(?:from|in)\s+\w+)?)|(?:describe|desc)\s+(?P<table>\w+\.\w+))"
    r"(?:\s+like\s+'[^']*')?\s*;?\s*$",
    re.IGNORECASE,
)
_QUESTION = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)


def trino_question(sql: str, tables: frozenset[str]) -> str:
    """Accept one SELECT, DESCRIBE, SHOW or EXPLAIN over published tables, and return it as Trino is to run it.

    ``ops.quarantine``, which is no table, is put in as what it stands for.

    Raises:
        QueryError: anything else; the message names the part that is refused.
    """
    look = _LOOK.match(sql)
    if look:
        if look["table"]:
            _check_known(look["table"].lower(), tables)
        return sql.strip().rstrip(";")
    explain = _EXPLAIN.match(sql)
    prefix = explain[0].strip() + " " if explain else ""
    tree = _one_question(sql[len(explain[0]) :] if explain else sql)
    return prefix + _with_quarantine(_checked(tree, tables), tables).sql(dialect=DIALECT)


def _one_question(sql: str) -> exp.Expression:
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=DIALECT) if statement is not None]
    except SqlglotError as fault:
        raise QueryError(f"the statement cannot be read: {str(fault).splitlines()[0]}") from None
    if len(statements) != 1:
        raise QueryError(f"one statement at a time: this text has {len(statements)}")
    if not isinstance(statements[0], _QUESTION):
        kind = statements[0].key.upper()
        raise QueryError(f"{kind} is refused: this door only reads; use SELECT, DESCRIBE, SHOW or EXPLAIN")
    return statements[0]


def _checked(tree: exp.Expression, tables: frozenset[str]) -> exp.Expression:
    for node in tree.walk():
        if isinstance(node, (exp.DML, exp.DDL, exp.Command)) and not isinstance(node, _QUESTION):
            raise QueryError(f"{node.key.upper()} is refused: this door only reads")
    names = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise QueryError(
                f"the table function {table.sql(dialect=DIALECT)!r} is refused: only published tables can be read"
            )
        if not table.db and not table.catalog and table.name.lower() in names:
            continue
        shown = f"{table.db}.{table.name}" if table.db else table.name
        _check_known("" if table.catalog or not table.db else shown.lower(), tables, shown)
    return tree


def _check_known(identifier: str, tables: frozenset[str], shown: str | None = None) -> None:
    if identifier not in tables and identifier != ".".join(QUARANTINE):
        raise QueryError(f"there is no published table {shown or identifier!r}; tables are named department.resource")


def _with_quarantine(tree: exp.Expression, tables: frozenset[str]) -> exp.Expression:
    parts = [_quarantine_part(name) for name in sorted(tables) if name.startswith("quarantine.")]

    def put_in(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Table) or (node.db.lower(), node.name.lower()) != QUARANTINE:
            return node
        if not parts:
            raise QueryError("there is no published table 'ops.quarantine': nothing was ever refused")
        union = sqlglot.parse_one(f"select * from ({' union all '.join(parts)}) q", read=DIALECT)
        alias = node.alias or "quarantine"
        return exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier(alias)))

    changed: exp.Expression = tree.transform(put_in)
    return changed


def _quarantine_part(identifier: str) -> str:
    dept, _, resource = identifier.partition(".")[2].partition("_")
    columns = "batch_id, delivery, row_number, key, rule, rules, column_name, reason, raw"
    return f"select '{dept}' as dept, '{resource}' as resource, {columns} from {identifier}"
