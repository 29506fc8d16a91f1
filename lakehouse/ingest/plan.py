"""The SQL of one resource, written once from its contract: fast acceptance, exact judgement, keys and checksums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.iceberg import BATCH_COLUMN, ROW_COLUMN
from catalog.derive.rules import PATTERNS, RowRule, row_rules
from catalog.derive.sql_predicates import literal, predicate, quote
from lakehouse.ingest.values import canonical, parsed, plain_value, trimmed
from lakehouse.sources.json_text import IS_OBJECT

KEY_SEPARATOR = "|"
DIVISIONS = "reference_division"  # relation (division_code, valid_until) on the ingest connection
_FIXED_SHAPE_CHECKS = frozenset({"checksum", "code_list", "division"})


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
    def output(self) -> str:
        """The columns of the table, from typed values."""
        values = ", ".join(f"{self.value(prop.name)} as {quote(prop.name)}" for prop in self.properties)
        return f"{values}, cast({literal(self.batch_id)} as varchar) as {BATCH_COLUMN}, {ROW_COLUMN}"

    def accept(self, relation: str, observer: str, faulty_rows: list[int]) -> str:
        """Select the rows that are canonical and pass every rule; ``observer(row, hash, ok)`` sees all rows.

        The observer has side effects, so the optimizer computes its arguments once and does not move the filter.
        """
        values = ", ".join(
            f"{plain_value(quote(prop.physical_name), prop)} as {self.value(prop.name)}"
            for prop in self.properties
            if prop.base_type != "varchar"
        )
        typed = f"select *, {values} from {relation}" if values else f"select * from {relation}"
        faulty = [f"{ROW_COLUMN} not in ({', '.join(map(str, faulty_rows))})"] if faulty_rows else []
        conditions = " and ".join([*map(self._canonical, self.properties), *self._fast_rules(), *faulty])
        outputs = ", ".join(f"{self._fast_value(prop)} as {self.value(prop.name)}" for prop in self.properties)
        checked = (
            f"select {outputs}, {ROW_COLUMN},"
            f" {observer}({ROW_COLUMN}, {self.row_hash}, coalesce({conditions}, false)) as _ok from ({typed})"
        )
        return f"select {self.output} from ({checked}) where _ok"

    def _fast_value(self, prop: Property) -> str:
        return quote(prop.physical_name) if prop.base_type == "varchar" else self.value(prop.name)

    def _canonical(self, prop: Property) -> str:
        text = quote(prop.physical_name)
        checks = {rule.check for rule in self.rules if rule.column == prop.name}
        fixed = bool(checks & _FIXED_SHAPE_CHECKS) or self._has_known_pattern(prop)
        test = canonical(text, self._fast_value(prop), prop, shape_is_checked=fixed)
        if prop.required:
            return f"{text} is not null" if test == "true" else f"({test})"
        return "true" if test == "true" else f"({text} is null or ({test}))"

    def _has_known_pattern(self, prop: Property) -> bool:
        """Tell whether the column's pattern is ours: those of contracts may admit spaces at the ends."""
        known = {pattern.regex for pattern in PATTERNS.values()}
        mine = (rule.params for rule in self.rules if rule.column == prop.name and rule.check == "pattern")
        return any("values" in params or params["regex"] in known for params in mine)

    def _fast_rules(self) -> list[str]:
        by_name = {prop.name: self._fast_value(prop) for prop in self.properties}
        return [
            self._fast_division(rule, by_name[rule.column])
            if rule.check == "division" and self.has_divisions
            else predicate(rule, by_name.__getitem__)
            for rule in self.rules
            if rule.check not in ("required", "type")
        ]

    @staticmethod
    def _fast_division(rule: RowRule, col: str) -> str:
        """In force today, or of another city; codes that ended are left to the exact judgement."""
        shape = f"regexp_full_match({col}, {literal(PATTERNS['division_code_shape'].regex)})"
        elsewhere = f"(not starts_with({col}, {literal(rule.params['city_prefix'])}) and {shape})"
        current = f"{col} in (select division_code from {DIVISIONS} where valid_until is null)"
        return f"({col} is null or {current} or {elsewhere})"

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
