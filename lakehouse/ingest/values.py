"""From received text to typed values, as DuckDB SQL: exactly, and a fast form for values that are already canonical.

:func:`parsed` defines what a text means. :func:`canonical` is a cheap condition under which :func:`plain_value` gives the
same value; whatever does not meet it is parsed exactly. So speed never decides about content.
"""

from __future__ import annotations

from catalog.contract.model import Property
from catalog.derive.sql_predicates import literal

SPACES = " \t\r\n\u3000"  # trimmed at both ends of every value; U+3000 is the full-width space
TRUE_TEXTS = ("是", "y", "1", "true")
FALSE_TEXTS = ("否", "n", "0", "false")

_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_FIRST_DAY = "date '0001-01-01'"


def trimmed(text: str) -> str:
    """Trim ``text``; an empty value is null."""
    return f"nullif(trim({text}, {literal(SPACES)}), '')"


def parsed(text: str, prop: Property, *, excel: bool = False) -> str:
    """Return the typed value of trimmed ``text``; null when it does not fit the type. ``excel``: dates may be serials."""
    match prop.base_type:
        case "varchar":
            return text
        case "integer" | "bigint":
            whole = f"try_cast(split_part({text}, '.', 1) as {prop.base_type})"
            return _when((r"[+-]?[0-9]+(?:\.0+)?", whole), text=text)
        case "decimal":
            _, scale = prop.decimal_parameters
            return _when(
                (rf"[+-]?[0-9]+(?:\.[0-9]{{0,{scale}}}0*)?", f"try_cast({text} as {prop.physical_type})"), text=text
            )
        case "double":
            number = f"try_cast({text} as double)"
            finite = f"case when isfinite({number}) then {number} end"
            return _when((r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?", finite), text=text)
        case "boolean":
            return (
                f"case when lower({text}) in {TRUE_TEXTS} then true when lower({text}) in {FALSE_TEXTS} then false end"
            )
        case "date":
            return _parsed_date(text, excel=excel)
        case _:
            return _parsed_timestamp(text)


def _when(*ways: tuple[str, str], text: str) -> str:
    cases = " ".join(f"when regexp_full_match({text}, {literal(regex)}) then {value}" for regex, value in ways)
    return f"case {cases} end"


def _parsed_date(text: str, *, excel: bool) -> str:
    ways = [
        (rf"{_ISO_DATE}(?:[ T]00:00(?::00(?:\.0+)?)?)?", f"try_cast(left({text}, 10) as date)"),
        ("[0-9]{4}/[0-9]{2}/[0-9]{2}", f"try_cast(replace({text}, '/', '-') as date)"),
        ("[0-9]{8}", f"try_cast(left({text}, 4) || '-' || substr({text}, 5, 2) || '-' || right({text}, 2) as date)"),
    ]
    if excel:  # day 1 is 1900-01-01, and Excel believes in a 29 February 1900
        ways.append(("[0-9]{5}", f"date '1899-12-30' + try_cast({text} as integer)"))
    value = _when(*ways, text=text)
    return f"case when ({value}) >= {_FIRST_DAY} then ({value}) end"


def _parsed_timestamp(text: str) -> str:
    """Times are Beijing time; ``Z`` is converted, an offset other than +08:00 is refused."""
    local = rf"regexp_replace({text}, '(?:\+08:?00)$', '')"
    value = _when(
        (rf"{_ISO_DATE}[ T]{_CLOCK}(?:\+08:?00)?", f"try_cast({local} as timestamp)"),
        (rf"{_ISO_DATE}[ T]{_CLOCK}Z", f"try_cast(rtrim({text}, 'Z') as timestamp) + interval 8 hours"),
        (_ISO_DATE, f"try_cast({text} as timestamp)"),
        (rf"[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}(?: {_CLOCK})?", f"try_cast(replace({text}, '/', '-') as timestamp)"),
        ("[0-9]{8}", f"try_strptime({text}, '%Y%m%d')"),
        ("[0-9]{14}", f"try_strptime({text}, '%Y%m%d%H%M%S')"),
        text=text,
    )
    return f"case when ({value}) >= {_FIRST_DAY} then ({value}) end"


def plain_value(text: str, prop: Property) -> str:
    """Return the value of canonical text."""
    match prop.base_type:
        case "varchar":
            return text
        case "boolean":
            return f"({text} in ('1', 'true', '是', 'Y'))"
        case _:
            return f"try_cast({text} as {prop.physical_type})"


def canonical(text: str, value: str, prop: Property, *, spaces: str | None) -> list[str]:
    """Return conditions under which ``text`` needs no trimming and ``value``, its plain value, is its value.

    ``spaces`` are those of :data:`SPACES` that may be there at all; None when a rule admits no value with spaces at its ends.
    """
    match prop.base_type:
        case "varchar":
            return [] if spaces is None else [_without_outer_spaces(text, spaces)]
        case "boolean":
            return [f"{text} in ('1', '0', 'true', 'false', '是', '否', 'Y', 'N')"]
        case "date":
            # Only a round trip is exact: the engine reads '2026-01-1:' as a date, too.
            return [f"strlen({text}) = 10", f"cast({value} as varchar) = {text}"]
        case "timestamp":
            return [f"strlen({text}) = 19", f"cast({value} as varchar) = {text}"]
        case "integer" | "bigint":
            return [f"cast({value} as varchar) = {text}"]
        case "decimal":
            precision, scale = prop.decimal_parameters
            shape = rf"-?[0-9]{{1,{max(1, precision - scale)}}}(?:\.[0-9]{{1,{scale}}})?" if scale else r"-?[0-9]{1,38}"
            return [f"regexp_full_match({text}, {literal(shape)})", f"{value} is not null"]
        case _:
            return [rf"regexp_full_match({text}, '-?[0-9]{{1,15}}(?:\.[0-9]{{1,17}})?')"]


def _without_outer_spaces(text: str, spaces: str) -> str:
    """``>= '!'``: the first byte is neither a control character nor a space, and there is one."""
    ends = [f"starts_with({text}, '\u3000')", *(f"ends_with({text}, {literal(space)})" for space in spaces)]
    return f"{text} >= '!' and not ({' or '.join(ends)})"
