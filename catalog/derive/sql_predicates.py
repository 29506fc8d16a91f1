"""SQL of the row rules, in DuckDB's dialect: pure functions from a typed column expression to a boolean expression.

Every predicate is true for a good value and true for null (``required`` is a rule of its own), and never null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

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


def _between(col: str, low: float | date | None, high: float | date | None) -> str:
    """Both bounds are included; a timestamp may be any time of the last day."""
    last = (
        f"{literal(high)} + interval 1 day - interval 1 microsecond" if isinstance(high, date) else literal(high or 0)
    )
    match low, high:
        case None, _:
            return f"{col} <= {last}"
        case _, None:
            return f"{col} >= {literal(low)}"
        case _:
            return f"{col} between {literal(low)} and {last}"


def _null_is_good(col: str, test: str) -> str:
    return f"({col} is null or coalesce({test}, false))"


def required(col: str) -> str:
    """The value is present."""
    return f"({col} is not null)"


def resident_id_number(col: str) -> str:
    """The 18 characters as an integer, a final X as 0; null when they cannot be read as one.

    Never larger than 18 digits, so that sums over its digits stay in range.
    """
    with_x = f"try_cast(substring({col}, 1, 17) || '0' as bigint)"
    return f"(case when ends_with({col}, 'X') then {with_x} else try_cast({col} as bigint) end % {10**18})"


def resident_id_day(number: str) -> str:
    """The birth date in a number of 18 digits, as an integer YYYYMMDD, whether there is such a day or not."""
    return f"({number} // 10000 % 100000000)"


def resident_id_tests(col: str, number: str | None = None, day: str | None = None) -> list[str]:
    """GB 11643, as conditions that must all hold: shape, a real birth date, and the right check character.

    The engine reads signs, points, underscores, exponents and hexadecimals as well as digits: of 18 bytes that give a
    number of 18 digits and do not begin with 0, only those with an exponent (``e``) are not all digits. ``number`` and
    ``day`` may name columns that hold :func:`resident_id_number` and :func:`resident_id_day`, so that neither is
    computed again wherever a condition needs it.
    """
    n = resident_id_number(col) if number is None else number
    return [
        f"strlen({col}) = 18 and {col} >= '1' and not (contains({col}, 'e') or contains({col}, 'E'))",
        f"{n} >= {10**17}",
        _real_date(resident_id_day(n) if day is None else day),
        # The sum is 1 modulo 11; X is 10, read as 0.
        f"({weighted_digits(n, (1, *reversed(RESIDENT_ID_WEIGHTS)), 11)} - case when ends_with({col}, 'X') then 2 else 1 end) % 11 = 0",
    ]


def weighted_digits(n: str, from_last: Sequence[int], modulus: int) -> str:
    """Return the sum of digit k of the integer ``n``, from the last, times ``from_last[k]``, modulo ``modulus``; it may be negative.

    It is written with quotients only: a digit is q(k) - 10 q(k+1), so q(k) counts w(k) - 10 w(k-1) times. Quotients that
    count equally often, or as often less, stand together: each multiplication takes time.
    """
    terms: dict[int, list[str]] = {}
    for k, weight in enumerate(from_last):
        times = (weight - 10 * (from_last[k - 1] if k else 0)) % modulus
        sign, times = ("+", times) if times <= modulus // 2 else ("-", modulus - times)
        terms.setdefault(times, []).append(f"{sign} {n} // {10**k}" if k else f"{sign} {n}")
    return " + ".join(_times(" ".join(sorted(found)), times) for times, found in terms.items())


def _times(signed: str, times: int) -> str:
    """Return a sum of signed terms, added first, so many times."""
    total = f"({signed.removeprefix('+ ')})" if signed.startswith("+") else f"(0 {signed})"
    return total if times == 1 else f"{total} * {times}"


def resident_id_valid(col: str) -> str:
    """GB 11643: 18 characters, first digit not 0, a real birth date, and the right check character.

    A check character ``x`` in lower case is wrong: two spellings of one person would be two keys.
    """
    return _null_is_good(col, " and ".join(resident_id_tests(col)))


def _real_date(ymd: str) -> str:
    """``ymd`` (integer YYYYMMDD) is a day of the proleptic Gregorian calendar, year 1 … 9999."""
    year = f"({ymd} // 10000)"
    last_day = f"([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[{ymd} // 100 % 100]"  # null for a month 0 or 13
    leap = f"({year} % 4 = 0 and ({year} % 100 <> 0 or {year} % 400 = 0))"
    return f"{year} >= 1 and {ymd} % 100 between 1 and {last_day} and case when {ymd} % 10000 = 229 then {leap} else true end"


def credit_code_tests(col: str) -> list[str]:
    """GB 32100, as conditions that must all hold: shape, and the right check character.

    Letters among the first eight are refused, as ``stdnum.cn.uscc`` does.
    """
    terms = (
        f"(instr('{CREDIT_CODE_ALPHABET}', substr({col}, {i + 1}, 1)) - 1) * {weight}"
        for i, weight in enumerate(CREDIT_CODE_WEIGHTS)
    )
    return [
        f"regexp_full_match({col}, '[0-9]{{8}}[0-9A-HJ-NP-RTUWXY]{{10}}')",
        f"({' + '.join(terms)}) % 31 = 0",
    ]


def credit_code_valid(col: str) -> str:
    """GB 32100: 8 digits, 9 characters of the code's alphabet, and the right check character."""
    return _null_is_good(col, " and ".join(credit_code_tests(col)))


def division_test(col: str, city_prefix: str, reference: str | None, at: str | None) -> str:
    """Return the condition of :func:`division_valid` on a code that is there."""
    shape = f"regexp_full_match({col}, {literal(PATTERNS['division_code_shape'].regex)})"
    if reference is None:
        return shape
    in_force = f"{col} in (select division_code from {reference} where valid_until is null)"
    if at is not None:
        ended = f"(select max(valid_until) from {reference} as ended where ended.division_code = {col})"
        in_force = f"({in_force} or coalesce({ended} >= cast({at} as date), false))"
    return f"{shape} and (not starts_with({col}, {literal(city_prefix)}) or {in_force})"


def division_valid(col: str, *, city_prefix: str, reference: str | None, at: str | None) -> str:
    """A division code of this city that is in force, or a well-formed 12-digit code of another city.

    ``reference`` names a relation ``(division_code, valid_until)`` of this city's codes; without it only the shape is
    checked. ``at`` is the expression of the day the row speaks of: a code that ended before it is wrong. Without
    ``at`` (or where it is null) every ended code is wrong.
    """
    return _null_is_good(col, division_test(col, city_prefix, reference, at))


def not_before(col: str, earlier: str) -> str:
    """The value is not before ``earlier``; good when either is missing."""
    return f"coalesce({col} >= {earlier}, true)"


def conditions(rule: RowRule, column: Callable[[str], str]) -> list[str]:
    """Return the conditions of a simple rule on a value that is there; each is null where the value is null."""
    col, params = column(rule.column), rule.params
    low, high = params.get("min"), params.get("max")
    match rule.check:
        case "length":
            return [f"length({col}) between {low} and {high}" if high is not None else f"length({col}) >= {low}"]
        case "range" | "in_city":
            return [_between(col, low, high)]
        case "code_list":
            return [f"{col} in ({', '.join(literal(value) for value in params['values'])})"]
        case "pattern" if "values" in params:
            return [f"{col} in ({', '.join(literal(value) for value in params['values'])})"]
        case "pattern":
            return [f"regexp_full_match({col}, {literal(params['regex'])})"]
        case "checksum" if params["scheme"] == "resident_id":
            return resident_id_tests(col)
        case "checksum":
            return credit_code_tests(col)
        case "division":
            return [division_test(col, params["city_prefix"], None, None)]
        case _:
            raise ValueError(f"{rule.id} is not a rule about one value")


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
    col = column(rule.column)
    match rule.check:
        case "required":
            return required(col)
        case "type":
            return "true"
        case "order":
            return not_before(col, column(rule.params["not_before"]))
        case "division":
            at = None if rule.params["at"] is None else column(rule.params["at"])
            return division_valid(col, city_prefix=rule.params["city_prefix"], reference=divisions, at=at)
        case _:
            return _null_is_good(col, " and ".join(conditions(rule, column)))
