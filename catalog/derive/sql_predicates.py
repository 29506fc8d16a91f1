"""SQL of the row rules, in DuckDB's dialect: pure functions from a typed column expression to a boolean expression.

Every predicate is true for a good value and true for null (``required`` is a rule of its own), and never null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from catalog.derive.rules import PATTERNS, RowRule

RESIDENT_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643: 2^(18-i) mod 11
CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
CREDIT_CODE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1)


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | float | date) -> str:
    """Write an SQL literal."""
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _null_is_good(col: str, test: str) -> str:
    return f"({col} is null or coalesce({test}, false))"


def required(col: str) -> str:
    """The value is present."""
    return f"({col} is not null)"


def length_between(col: str, low: int, high: int | None) -> str:
    """The text has ``low`` to ``high`` characters (code points)."""
    upper = "" if high is None else f" and length({col}) <= {high}"
    lower = f"length({col}) >= {low}" if low else "true"
    return _null_is_good(col, f"{lower}{upper}")


def value_between(col: str, low: float | None, high: float | None) -> str:
    """The number lies between both bounds, which are included."""
    tests = [f"{col} >= {literal(low)}"] if low is not None else []
    tests += [f"{col} <= {literal(high)}"] if high is not None else []
    return _null_is_good(col, " and ".join(tests))


def date_between(col: str, first: date | None, last: date | None) -> str:
    """The date or timestamp lies between the begin of day ``first`` and the end of day ``last``."""
    tests = [f"{col} >= {literal(first)}"] if first is not None else []
    tests += [f"{col} < {literal(last + timedelta(days=1))}"] if last is not None else []
    return _null_is_good(col, " and ".join(tests))


def one_of(col: str, values: Iterable[str]) -> str:
    """The text is one of ``values``."""
    return _null_is_good(col, f"{col} in ({', '.join(literal(value) for value in values)})")


def matches(col: str, regex: str) -> str:
    """The whole text matches ``regex`` (RE2)."""
    return _null_is_good(col, f"regexp_full_match({col}, {literal(regex)})")


def phone_valid(col: str) -> str:
    """Mobile number, or land line with its area code."""
    return matches(col, PATTERNS["phone"].regex)


def plate_no_valid(col: str) -> str:
    """Plate number of GA 36, new-energy plates included."""
    return matches(col, PATTERNS["plate_no"].regex)


def vin_valid(col: str) -> str:
    """Vehicle identification number of GB 16735 (shape only: its check digit is not used by all makers)."""
    return matches(col, PATTERNS["vin"].regex)


def month_valid(col: str) -> str:
    """A month YYYY-MM of 1900 … 2099."""
    return matches(col, PATTERNS["month"].regex)


def resident_id_valid(col: str) -> str:
    """GB 11643: 18 characters, first digit not 0, a real birth date, and the right check character.

    A check character ``x`` in lower case is wrong: two spellings of one person would be two keys.
    """
    number = f"try_cast(left({col}, 17) as bigint)"
    digits = " + ".join(f"{number} // {10 ** (16 - i)} % 10 * {w}" for i, w in enumerate(RESIDENT_ID_WEIGHTS))
    birth = f"({number} // 1000 % 100000000)"
    shape = f"regexp_full_match({col}, '[1-9][0-9]{{16}}[0-9X]')"
    check = f"right({col}, 1) = substr('10X98765432', (({digits}) % 11 + 1)::integer, 1)"
    return _null_is_good(col, f"{shape} and {_real_date(birth)} and {check}")


def _real_date(ymd: str) -> str:
    """``ymd`` (integer YYYYMMDD) is a day of the proleptic Gregorian calendar, year 1 … 9999."""
    year, month, day = f"({ymd} // 10000)", f"({ymd} // 100 % 100)", f"({ymd} % 100)"
    leap = f"({year} % 4 = 0 and ({year} % 100 <> 0 or {year} % 400 = 0))"
    last = f"case when {month} = 2 then 28 + {leap}::integer else 30 + ({month} + {month} // 8) % 2 end"
    return f"{year} >= 1 and {month} between 1 and 12 and {day} between 1 and {last}"


def credit_code_valid(col: str) -> str:
    """GB 32100: 8 digits, 9 characters of the code's alphabet, and the right check character."""
    shape = f"regexp_full_match({col}, '[0-9]{{8}}[0-9A-HJ-NP-RTUWXY]{{10}}')"
    terms = (
        f"(instr('{CREDIT_CODE_ALPHABET}', substr({col}, {i + 1}, 1)) - 1) * {weight}"
        for i, weight in enumerate(CREDIT_CODE_WEIGHTS)
    )
    return _null_is_good(col, f"{shape} and ({' + '.join(terms)}) % 31 = 0")


def division_valid(col: str, *, city_prefix: str, reference: str | None, at: str | None) -> str:
    """A division code of this city that is in force, or a well-formed 12-digit code of another city.

    ``reference`` names a relation ``(division_code, valid_until)`` of this city's codes; without it only the shape is
    checked. ``at`` is the expression of the day the row speaks of: a code that ended before it is wrong. Without
    ``at`` (or where it is null) every ended code is wrong.
    """
    shape = f"regexp_full_match({col}, {literal(PATTERNS['division_code_shape'].regex)})"
    if reference is None:
        return _null_is_good(col, shape)
    in_force = f"{col} in (select division_code from {reference} where valid_until is null)"
    if at is not None:
        ended = f"(select max(valid_until) from {reference} as ended where ended.division_code = {col})"
        in_force = f"({in_force} or coalesce({ended} >= cast({at} as date), false))"
    return _null_is_good(col, f"{shape} and (not starts_with({col}, {literal(city_prefix)}) or {in_force})")


def not_before(col: str, earlier: str) -> str:
    """The value is not before ``earlier``; good when either is missing."""
    return f"coalesce({col} >= {earlier}, true)"


def predicate(
    rule: RowRule,
    column: Callable[[str], str] = quote,
    *,
    divisions: str | None = None,
) -> str:
    """Return the SQL of ``rule`` over typed columns; ``column`` writes a column's name as an expression.

    A ``type`` rule is always true here: a typed column holds nothing else (ingestion compares with the raw text).
    ``divisions`` is the reference relation of :func:`division_valid`.
    """
    col, params = column(rule.column), rule.params
    match rule.check:
        case "required":
            return required(col)
        case "type":
            return "true"
        case "length":
            return length_between(col, params["min"], params["max"])
        case "range":
            bounds = (params["min"], params["max"])
            return (
                date_between(col, *bounds) if any(isinstance(b, date) for b in bounds) else value_between(col, *bounds)
            )
        case "code_list":
            return one_of(col, params["values"])
        case "checksum":
            return resident_id_valid(col) if params["scheme"] == "resident_id" else credit_code_valid(col)
        case "division":
            at = None if params["at"] is None else column(params["at"])
            return division_valid(col, city_prefix=params["city_prefix"], reference=divisions, at=at)
        case "in_city":
            return value_between(col, params["min"], params["max"])
        case "pattern":
            return one_of(col, params["values"]) if "values" in params else matches(col, params["regex"])
        case "order":
            return not_before(col, column(params["not_before"]))
