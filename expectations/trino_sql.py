"""From DuckDB's SQL, in which checks are written, to Trino's: one place that knows where the two differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB


class Untranslatable(ValueError):
    """A check uses something that has no counterpart in Trino."""


class CheckSql(DuckDB):
    """DuckDB's SQL with positions left as they are written: sqlglot would count some of them from 0, as it can guess types."""

    INDEX_OFFSET = 0


def in_words_of(engine: Any, sql: str) -> str:
    """Return SQL as an SQLAlchemy engine's database reads it."""
    return to_trino(sql) if engine.dialect.name == "trino" else sql


@lru_cache(maxsize=512)
def to_trino(sql: str) -> str:
    """Return a statement or an expression of ours in Trino's SQL.

    sqlglot knows most of it; what it leaves or gets wrong is mended below: division of integers stays exact, a
    position outside of a list is null, and regular expressions mean what they mean to DuckDB.

    Raises:
        Untranslatable: a bit trick or another thing that Trino does not have.
    """
    tree = sqlglot.parse_one(sql, read=CheckSql)
    for node in reversed(list(tree.walk())):  # parts before the whole, so that what is built from parts has mended ones
        mend = _MENDS.get(type(node))
        if mend is not None:
            mended = mend(node)
            tree = mended if node is tree else tree
            if mended is not node and node.parent is not None:
                node.replace(mended)
    return tree.sql(dialect="trino")


def _whole_division(node: exp.Expression) -> exp.Expression:
    """Integers divided are an integer in Trino; the detour over doubles would lose digits."""
    return exp.paren(exp.Div(this=node.this, expression=node.expression, typed=True, safe=False), copy=False)


def _has(node: exp.Expression) -> exp.Expression:
    """``contains`` of two texts."""
    found = exp.StrPosition(this=node.this, substr=node.expression)
    return exp.paren(exp.GT(this=found, expression=exp.Literal.number(0)), copy=False)


def _ends(node: exp.Expression) -> exp.Expression:
    last = node.expression
    if not (isinstance(last, exp.Literal) and last.is_string):
        raise Untranslatable(f"the end of a text is compared with something else than a text: {node.sql('duckdb')}")
    start = exp.Neg(this=exp.Literal.number(len(str(last.this))))
    end = exp.Substring(this=node.this, start=start)
    return exp.paren(exp.EQ(this=end, expression=last), copy=False)


def _element(node: exp.Expression) -> exp.Expression:
    """``list[n]`` is null outside of the list, and so is ``element_at``, but for 0."""
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise Untranslatable(f"only single elements of a list can be taken: {node.sql('duckdb')}")
    position = exp.Nullif(this=node.expressions[0], expression=exp.Literal.number(0))
    return exp.Anonymous(this="element_at", expressions=[node.this.unnest(), position])


def _row(node: exp.Expression) -> exp.Expression:
    """A struct's names are known to whoever asked for it."""
    values = [item.expression if isinstance(item, exp.PropertyEQ) else item for item in node.expressions]
    return exp.Anonymous(this="row", expressions=values)


def _function(node: exp.Expression) -> exp.Expression:
    arguments = node.expressions
    match str(node.this).lower():
        case "strlen":
            return exp.Length(this=exp.Anonymous(this="to_utf8", expressions=arguments))
        case "hash":  # only ever counted, and what is counted may as well be the values
            return arguments[0] if len(arguments) == 1 else exp.Anonymous(this="row", expressions=arguments)
        case _:
            return node


def _matches(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="regexp_like", expressions=[node.this, _pattern(node.expression, whole=False)])


def _matches_whole(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="regexp_like", expressions=[node.this, _pattern(node.expression, whole=True)])


def _pattern(node: exp.Expression, *, whole: bool) -> exp.Expression:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise Untranslatable(f"a regular expression must be a text: {node.sql('duckdb')}")
    text = absolute_anchors(str(node.this))
    return exp.Literal.string(rf"\A(?:{text})\z" if whole else text)


def absolute_anchors(regex: str) -> str:
    r"""Write ``^`` and ``$`` as ``\A`` and ``\z``: to Trino's engine ``$`` also stands before a last line break."""
    parts: list[str] = []
    in_class, position = False, 0
    while position < len(regex):
        character = regex[position]
        if character == "\\":
            parts.append(regex[position : position + 2])
            position += 2
            continue
        if in_class:
            in_class = character != "]" or parts[-1] in ("[", "[^")
        elif character == "[":
            in_class = True
            if regex[position + 1 : position + 2] == "^":
                character = "[^"
                position += 1
        else:
            character = {"^": r"\A", "$": r"\z"}.get(character, character)
        parts.append(character)
        position += 1
    return "".join(parts)


def _cast(node: exp.Expression) -> exp.Expression:
    wanted = node.args["to"]
    if wanted.this in _NO_TYPES:
        raise Untranslatable(f"Trino has no type {wanted.sql('duckdb')}")
    if wanted.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):
        node.set("to", exp.DataType.build("timestamp(6)", dialect="trino"))
    return node


_NO_TYPES = {
    exp.DataType.Type.BIT,
    exp.DataType.Type.UBIGINT,
    exp.DataType.Type.UINT,
    exp.DataType.Type.INT128,
    exp.DataType.Type.UINT128,
}
_MENDS: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.IntDiv: _whole_division,
    exp.Contains: _has,
    exp.EndsWith: _ends,
    exp.Bracket: _element,
    exp.Struct: _row,
    exp.Anonymous: _function,
    exp.RegexpLike: _matches,
    exp.RegexpFullMatch: _matches_whole,
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
