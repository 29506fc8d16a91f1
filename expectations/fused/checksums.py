"""Checksums of a fused scan: the conditions of ``sql_predicates``, computed from columns that are derived once.

A predicate that stands alone repeats its parts (the 17 digits as a number, each character's place in the alphabet) as
often as it needs them, and DuckDB computes every copy, because it shares no parts inside AND and CASE. In a scan of
our own they become derived columns, which makes both checksums several times faster. That both forms agree is tested
on good, broken and arbitrary text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from catalog.derive.sql_predicates import (
    CREDIT_CODE_ALPHABET,
    CREDIT_CODE_WEIGHTS,
    credit_code_tests,
    resident_id_day,
    resident_id_number,
    resident_id_tests,
)
from expectations.fused.plan import Compiled, Compiler, Derived, Kwargs, Table, column_map

LENGTH, WORD = 18, 8  # characters of a credit code; those that are summed as one 64-bit word, one byte each
SKIPPING = {"9": 7, "I": 1, "O": 1, "S": 1, "V": 1}  # behind these codes places in the alphabet are so many fewer
BORDERS = "/9@HINORSUVY"  # 0-9 A-H J-N P-R T U W-Y: the character before each range, and its last
LOWEST_BITS = 0x0101010101010101
HIGHEST_BITS = 0x8080808080808080
ALL_BITS = 0xFFFFFFFFFFFFFFFF
HIGHEST = f"{HIGHEST_BITS}::ubigint"


Form = Callable[[str, str], tuple[str, tuple[Derived, ...]]]


def checksum(metric: str, form: Form, plain: Form | None = None) -> Compiler:
    """Return the compiler of a checksum: ``form`` gives its condition and the columns that the condition needs.

    ``plain`` is the form for engines that cannot take words apart, where that is another one.
    """

    def compiler(table: Table, kwargs: Kwargs) -> Compiled | None:
        if table.kind(kwargs["column"]) != "text":
            return None
        chosen = form if table.bit_tricks or plain is None else plain
        good, derived = chosen(kwargs["column"], table.column(kwargs["column"]))
        return column_map(table, kwargs["column"], metric, good, derived=derived)

    return compiler


def resident_id(column: str, col: str) -> tuple[str, tuple[Derived, ...]]:
    """Return the condition of ``resident_id_valid``, its number and the day in it taken from columns."""
    number = Derived(f"{column}: number", resident_id_number(col), 1)
    day = Derived(f"{column}: day", f"cast({resident_id_day(number.reference)} as integer)", 2)
    tests = resident_id_tests(col, number.reference, day.reference)
    return f"coalesce({' and '.join(tests)}, false)", (number, day)


def credit_code(column: str, col: str) -> tuple[str, tuple[Derived, ...]]:
    """Return the condition of ``credit_code_valid`` and the columns it is computed from.

    The weights are the powers of 3 modulo 31, and the weighted sum of all 18 characters must be 0. Characters 1 to 8
    and 9 to 16 are words of eight bytes, judged and summed side by side; 17 and 18 are looked up.
    """
    # 18 characters of one byte each, else null: every byte is below 128, and fits its place in a word.
    text = Derived(
        f"{column}: text", f"case when strlen({col}) = {LENGTH} and length({col}) = {LENGTH} then {col} end", 1
    )
    words = Derived(f"{column}: words", f"encode(substr({text.reference}, 1, {2 * WORD}))::bit::uhugeint", 2)
    ends = [
        Derived(f"{column}: character {i}", f"instr('{CREDIT_CODE_ALPHABET}', substr({text.reference}, {i}, 1))", 2)
        for i in (LENGTH - 1, LENGTH)
    ]
    head = Derived(f"{column}: head", f"xor(({words.reference} >> 64)::ubigint, {48 * LOWEST_BITS}::ubigint)", 3)
    word = Derived(f"{column}: word", f"({words.reference} & {ALL_BITS}::uhugeint)::ubigint", 3)
    skipping = {
        letter: Derived(f"{column}: above {letter}", _carried(word.reference, letter), 4) for letter in SKIPPING
    }
    # From a character's code to its place in the alphabet, 64 too high so that no byte is less than 0: the digits begin
    # at 48, the letters 7 later, and the letters I, O, S and V are skipped, which moves all behind them by one.
    skipped = " + ".join(
        f"{step} * (({skipping[letter].reference} & {HIGHEST}) >> 7)" for letter, step in SKIPPING.items()
    )
    places = Derived(f"{column}: places", f"{word.reference} + {16 * LOWEST_BITS}::ubigint - ({skipped})", 5)
    weights = CREDIT_CODE_WEIGHTS[2 * WORD :]
    last = " + ".join(f"{weight} * ({end.reference} - 1)" for weight, end in zip(weights, ends, strict=True))
    lanes = f"{_lane_sum(head.reference)} + {CREDIT_CODE_WEIGHTS[WORD]} * {_lane_sum(places.reference)}"
    down = -CREDIT_CODE_WEIGHTS[WORD] * 64 * sum(CREDIT_CODE_WEIGHTS[:WORD]) % 31
    remainder = Derived(f"{column}: remainder", f"(({lanes})::bigint + {last} + {down}) % 31", 6)
    tests = [
        f"{remainder.reference} = 0",
        f"({_carried(head.reference, chr(9))} & {HIGHEST}) = 0",
        f"({_in_alphabet(word.reference, skipping)} & {HIGHEST}) = {HIGHEST}",
        *(f"{end.reference} > 0" for end in ends),
    ]
    derived = (text, words, *ends, head, word, *skipping.values(), places, remainder)
    return f"coalesce({' and '.join(tests)}, false)", derived


def credit_code_plain(_column: str, col: str) -> tuple[str, tuple[Derived, ...]]:
    """Return the condition of ``credit_code_valid`` as it stands."""
    return f"coalesce({' and '.join(credit_code_tests(col))}, false)", ()


def _carried(word: str, character: str) -> str:
    """Add to every byte, none of which is above 127, what sets its highest bit when it is greater than ``character``."""
    return f"({word} + {LOWEST_BITS * (0x7F - ord(character))}::ubigint)"


def _in_alphabet(word: str, skipping: Mapping[str, Derived]) -> str:
    """Set the highest bit of every byte that is a character of the alphabet.

    A byte is in it when an odd number of the borders, each the last character before it begins or ends, lie below.
    """
    known = [column.reference for column in skipping.values()]
    sums = [*known, *(_carried(word, border) for border in BORDERS if border not in skipping)]
    return reduce(lambda left, right: f"xor({left}, {right})", sums)


def _lane_sum(word: str) -> str:
    """Sum eight bytes with the weights 1, 3, 9 … from the first (highest) byte on: as pairs, fours, and all."""
    pairs = f"((({word} >> 8) & {0x00FF00FF00FF00FF}::ubigint) + 3 * ({word} & {0x00FF00FF00FF00FF}::ubigint))"
    fours = f"((({pairs} >> 16) & {0x0000FFFF0000FFFF}::ubigint) + 9 * ({pairs} & {0x0000FFFF0000FFFF}::ubigint))"
    return f"(({fours} >> 32) + 81 * ({fours} & {0x00000000FFFFFFFF}::ubigint))"
