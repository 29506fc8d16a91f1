"""Acceptance at first sight: conditions that are cheap and sufficient, one column of the query each.

The engine computes equal subexpressions once within one list of columns, but not inside AND, CASE or a filter. So the
values, then the conditions, then their conjunction stand in lists of their own, and the filter comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from catalog.contract.model import Property
from catalog.derive.rules import PATTERNS, RowRule
from catalog.derive.sql_predicates import conditions, literal, quote, resident_id_number, resident_id_tests
from lakehouse.ingest.values import canonical, plain_value

CHECKSUM_LENGTH = 18  # characters of a resident ID (GB 11643) and of a credit code (GB 32100)
DIVISIONS = "reference_division"  # relation (division_code, valid_until) on the ingest connection
_TRIMMED_BY_RULE = frozenset({"checksum", "code_list", "division"})
_KNOWN_PATTERNS = {pattern.regex: pattern for pattern in PATTERNS.values()}


def accepted_rows(
    relation: str,
    properties: list[Property],
    rules: list[RowRule],
    output: Callable[[Iterable[str]], str],
    *,
    divisions: bool,
    spaces: str,
    not_rows: list[int],
) -> str:
    """Return the query of the rows of ``relation`` that are canonical and pass every rule.

    ``output`` makes the list of columns from one expression for each property;
    ``spaces`` are the white space characters that occur in the relation, ``not_rows`` the rows known to be faulty.
    """
    columns = [
        _Column(index, prop, [r for r in rules if r.column == prop.name]) for index, prop in enumerate(properties)
    ]
    values = {column.prop.name: column.value for column in columns}
    computed = [extra for column in columns for extra in column.computed()]
    named: list[str] = []
    verdicts: list[str] = []
    for column in columns:
        names = []
        for test in column.conditions(values, divisions=divisions, spaces=spaces):
            names.append(f"_c{len(named)}")
            named.append(f"{test} as {names[-1]}")
        verdicts += column.verdict(names)
    verdicts += [f"_row not in ({', '.join(map(str, not_rows))})"] if not_rows else []
    typed = f"select *{''.join(f', {extra}' for extra in computed)} from {relation}"
    tested = f"select *{''.join(f', {test}' for test in named)} from ({typed})"
    # A volatile column keeps the optimizer from moving the filter below the lists, where everything is computed again.
    judged = f"select *, coalesce({' and '.join(verdicts)}, false) and random() >= 0 as _good from ({tested})"
    return f"select {output(column.output for column in columns)} from ({judged}) where _good"


class _Column:
    """One column: its text ``quote(physical_name)``, its value, and what must hold."""

    def __init__(self, index: int, prop: Property, rules: list[RowRule]) -> None:
        self.index = index
        self.prop = prop
        self.rules = rules
        self.text = quote(prop.physical_name)
        self.value = self.text if prop.base_type == "varchar" else f"_v{index}"
        self.codes = next((rule.params["values"] for rule in rules if rule.check == "code_list"), ())
        self.code = f"_e{index}"
        self.output = self.code if self.codes and prop.base_type == "varchar" else self.value

    def computed(self) -> Iterator[str]:
        """Yield the columns that the conditions look at."""
        if self.prop.base_type != "varchar":
            yield f"{plain_value(self.text, self.prop)} as {self.value}"
        if self.output == self.code:
            yield f"try_cast({self.text} as {enumeration(self.codes)}) as {self.code}"
        if any(rule.check == "checksum" and rule.params["scheme"] == "resident_id" for rule in self.rules):
            yield f"{resident_id_number(self.text)} as _n{self.index}"

    def conditions(self, values: dict[str, str], *, divisions: bool, spaces: str) -> Iterator[str]:
        """Yield conditions for a value that is there; each is null or false when it does not hold."""
        shaped = any(rule.check in _TRIMMED_BY_RULE or _is_known_pattern(rule) for rule in self.rules)
        yield from canonical(self.text, self.value, self.prop, spaces=None if shaped else spaces)
        for rule in self.rules:
            match rule.check:
                case "required" | "type":
                    pass
                case "order":
                    yield f"coalesce({self.value} >= {values[rule.params['not_before']]}, true)"
                case "length":
                    yield from _length(self.text, rule, self._longest())
                case "checksum" if rule.params["scheme"] == "resident_id":
                    yield from resident_id_tests(self.text, f"_n{self.index}")
                case "division" if divisions:
                    yield _division(self.text, rule)
                case "code_list" if self.output == self.code:
                    yield f"{self.code} is not null"
                case "pattern" if usual := _usual(rule):
                    closer = " and ".join(conditions(rule, values.__getitem__))
                    yield f"case when {self.text} glob {literal(usual)} then true else {closer} end"
                case _:
                    yield from conditions(rule, values.__getitem__)

    def _longest(self) -> int | None:
        """Return the length of the longest value that another rule of the column admits; None when it may be any."""
        for rule in self.rules:
            if rule.check == "checksum":
                return CHECKSUM_LENGTH
            if "values" in rule.params:
                return max(map(len, rule.params["values"]))
        return None

    def verdict(self, names: list[str]) -> Iterator[str]:
        """Yield the conjunction of the named conditions, allowing for a value that may be missing."""
        together = " and ".join(names)
        if self.prop.required:
            yield together or f"{self.text} is not null"
        elif names:
            yield f"({self.text} is null or ({together}))"


def _is_known_pattern(rule: RowRule) -> bool:
    """Tell whether a pattern is ours: one from a contract may admit spaces at the ends."""
    return rule.check == "pattern" and ("values" in rule.params or rule.params["regex"] in _KNOWN_PATTERNS)


def _length(text: str, rule: RowRule, longest: int | None) -> Iterator[str]:
    """Count bytes, which are never fewer than characters; a longer text gets the closer look."""
    high = rule.params["max"]
    if high is not None and (longest is None or longest > high):
        yield f"strlen({text}) <= {high}"
    if rule.params["min"]:
        yield f"length({text}) >= {rule.params['min']}"


def enumeration(values: Iterable[str]) -> str:
    """Return the engine's type for one of ``values``: reading a text as one is a look into a hash table.

    Written to Parquet it is text like any other, only much faster: its dictionary is there already.
    """
    return f"enum({', '.join(map(literal, values))})"


def _usual(rule: RowRule) -> str | None:
    pattern = _KNOWN_PATTERNS.get(rule.params["regex"]) if "regex" in rule.params else None
    return pattern.usual if pattern else None


def _division(text: str, rule: RowRule) -> str:
    """In force today, or of another city; codes that ended get the closer look."""
    shape = f"regexp_full_match({text}, {literal(PATTERNS['division_code_shape'].regex)})"
    elsewhere = f"not starts_with({text}, {literal(rule.params['city_prefix'])}) and {shape}"
    in_force = f"{text} in (select division_code from {DIVISIONS} where valid_until is null)"
    return f"case when {in_force} then true else {elsewhere} end"
