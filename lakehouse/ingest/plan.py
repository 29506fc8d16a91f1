"""The SQL of one resource, written once from its contract: fast acceptance, exact judgement, keys and checksums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.iceberg import BATCH_COLUMN, ROW_COLUMN
from catalog.derive.rules import RowRule, row_rules
from catalog.derive.sql_predicates import literal, predicate, quote
from lakehouse.ingest.fast import DIVISIONS, accepted_rows, enumeration
from lakehouse.ingest.values import parsed, trimmed
from lakehouse.sources.json_text import IS_OBJECT

KEY_SEPARATOR = "|"


@dataclass(frozen=True)
class Plan:
    """What is asked of a relation of received text columns (named by their headers) with ``_row``."""

    contract: Contract
    vocabulary: Vocabulary
    batch_id: str
    has_divisions: bool
    json_lines: bool = False

    @cached_property
    def rules(self) -> list[RowRule]:
        """The row rules of the contract."""
        return row_rules(self.contract, self.vocabulary)

    @property
    def properties(self) -> list[Property]:
        """The columns of the contract."""
        return self.contract.properties

    @cached_property
    def _index(self) -> dict[str, int]:
        return {prop.name: position for position, prop in enumerate(self.properties)}

    def value(self, name: str) -> str:
        """Name the typed value of a column within the SQL."""
        return f"_v{self._index[name]}"

    @property
    def received_columns(self) -> str:
        """The received columns, and the JSON text where there is one."""
        names = [quote(prop.physical_name) for prop in self.properties]
        return ", ".join([*names, "_line"] if self.json_lines else names)

    @property
    def row_hash(self) -> str:
        """The hash of a received row."""
        return f"hash({self.received_columns})"

    @property
    def keys(self) -> str:
        """The key columns of a written row."""
        return ", ".join(quote(name) for name in self.contract.primary_key)

    @property
    def key_hash(self) -> str:
        """The hash of a written row's key."""
        return f"hash({self.keys})"

    @property
    def output(self) -> str:
        """The columns of the table, from judged values."""
        return self._output(self.value(prop.name) for prop in self.properties)

    def _output(self, expressions: Iterable[str]) -> str:
        pairs = zip(expressions, self.properties, strict=True)
        values = ", ".join(f"{expression} as {quote(prop.name)}" for expression, prop in pairs)
        batch = literal(self.batch_id)
        return f"{values}, cast({batch} as {enumeration([self.batch_id])}) as {BATCH_COLUMN}, {ROW_COLUMN}"

    def accept(self, relation: str, *, spaces: str, not_rows: list[int]) -> str:
        """Select the rows that are accepted at first sight; see :func:`accepted_rows`."""
        return accepted_rows(
            relation,
            self.properties,
            self.rules,
            self._output,
            divisions=self.has_divisions,
            spaces=spaces,
            not_rows=not_rows,
        )

    def judge(self, received: str, faults: str, *, excel: bool) -> str:
        """Judge every row of ``received`` exactly: typed values, key, raw JSON, and the rules that it breaks, in order.

        ``faults`` is a relation ``(_row, rule, raw, key)`` of what the reader found.
        """
        texts = ", ".join(f"{trimmed(quote(p.physical_name))} as _t{i}" for i, p in enumerate(self.properties))
        values = ", ".join(f"{parsed(f'_t{i}', p, excel=excel)} as _v{i}" for i, p in enumerate(self.properties))
        key = ", ".join(f"_t{self._index[name]}" for name in self.contract.primary_key)
        text = f"select *, {texts} from {received} left join {faults} using (_row)"
        typed = f"select *, {values} from ({text})"
        every = ", ".join(f"_v{i}, _t{i}" for i in range(len(self.properties)))
        return (
            f"select {ROW_COLUMN}, _hash, {every}, coalesce(key, concat_ws({literal(KEY_SEPARATOR)}, {key})) as _key,"
            f" {self.raw} as _raw, {self._broken_rules()} as _rules from ({typed})"
        )

    @property
    def raw(self) -> str:
        """The row as it was received, as JSON."""
        if self.json_lines:
            return "coalesce(raw, _line)"
        fields = ", ".join(f"{literal(p.physical_name)}: {quote(p.physical_name)}" for p in self.properties)
        return f"coalesce(raw, cast(to_json({{{fields}}}) as varchar))"

    def _broken_rules(self) -> str:
        divisions = DIVISIONS if self.has_divisions else None
        cases = ["case when rule = 'row.encoding' then rule end"]
        for rule in self.rules:
            position = self._index[rule.column]
            match rule.check:
                case "required":
                    good = f"_t{position} is not null"
                case "type":
                    good = f"(_t{position} is null or _v{position} is not null)"
                case _:
                    good = predicate(rule, self.value, divisions=divisions)
            cases.append(f"case when not ({good}) then {literal(rule.id)} end")
        found = f"list_filter([{', '.join(cases)}], lambda broken: broken is not null)"
        unreadable = "rule = 'row.columns'" + (f" or not {IS_OBJECT}" if self.json_lines else "")
        return f"case when {unreadable} then ['row.columns'] else {found} end"
