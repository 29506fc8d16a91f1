"""Checksums of a fused scan: the conditions of ``sql_predicates``, computed from columns that are derived once.

A predicate that stands alone repeats its parts (the 17 digits as a number, each character's place in the alphabet) as
often as it needs them, and DuckDB computes every copy, because it shares no parts inside AND and CASE. In a scan of
our own they become derived columns, which makes both checksums several times faster. That both forms agree is tested
on good, broken and arbitrary text.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.derive.sql_predicates import (
    CREDIT_CODE_ALPHABET,
    CREDIT_CODE_WEIGHTS,
    credit_code_tests,
    resident_id_number,
    resident_id_tests,
)
from expectations.fused.plan import Compiled, Compiler, Derived, Kwargs, Table, column_map

CREDIT_CODE_SHAPE = "[0-9]{8}[0-9A-HJ-NP-RTUWXY]{10}"
WORD = 8  # characters that are summed as one 64-bit word, one byte each
LOWEST_BITS = 0x0101010101010101
HIGHEST_BITS = 0x8080808080808080
ALL_BITS = 0xFFFFFFFFFFFFFFFF


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
    """Return the condition of ``resident_id_valid``, its number taken from a column."""
    number = Derived(f"{column}: number", resident_id_number(col), 1)
    return f"coalesce({' and '.join(resident_id_tests(col, number.reference))}, false)", (number,)


def credit_code(column: str, col: str) -> tuple[str, tuple[Derived, ...]]:
    """Return the condition of ``credit_code_valid`` and the columns it is computed from.

    The weights are the powers of 3 modulo 31, and the weighted sum of all 18 characters must be 0. Characters 1 to 8
    and 9 to 16 are words of eight bytes, summed side by side; 17 and 18 are looked up.
    """
    # The text where it has the right shape, else null: what follows never meets a character it cannot take.
    shaped = f"case when regexp_full_match({col}, '{CREDIT_CODE_SHAPE}') then {col} end"
    text = Derived(f"{column}: shaped", shaped, 1)
    words = Derived(f"{column}: words", f"encode(substr({text.reference}, 1, {2 * WORD}))::bit::uhugeint", 2)
    head = Derived(f"{column}: head", f"({words.reference} >> 64)::ubigint - {48 * LOWEST_BITS}::ubigint", 3)
    word = Derived(f"{column}: word", f"({words.reference} & {ALL_BITS}::uhugeint)::ubigint", 3)
    # From a character's code to its place in the alphabet: the digits begin at 48, the letters 7 later, and the
    # letters I, O, S and V are skipped, which moves all behind them by one. Of a text with the right shape no byte
    # becomes less than 0, so that all eight are subtracted at once.
    skips = " + ".join(_above(word.reference, skipped) for skipped in "IOSV")
    skipped = f"7 * {_above(word.reference, '9')} + {skips}"
    places = Derived(f"{column}: places", f"{word.reference} - {48 * LOWEST_BITS}::ubigint - ({skipped})", 4)
    last = " + ".join(
        f"{CREDIT_CODE_WEIGHTS[i]} * (instr('{CREDIT_CODE_ALPHABET}', substr({text.reference}, {i + 1}, 1)) - 1)"
        for i in range(2 * WORD, len(CREDIT_CODE_WEIGHTS))
    )
    lanes = f"{_lane_sum(head.reference)} + {CREDIT_CODE_WEIGHTS[WORD]} * {_lane_sum(places.reference)}"
    remainder = Derived(f"{column}: remainder", f"(({lanes})::bigint + {last}) % 31", 5)
    return f"coalesce({remainder.reference} = 0, false)", (text, words, head, word, places, remainder)


def credit_code_plain(_column: str, col: str) -> tuple[str, tuple[Derived, ...]]:
    """Return the condition of ``credit_code_valid`` as it stands."""
    return f"coalesce({' and '.join(credit_code_tests(col))}, false)", ()


def _above(word: str, character: str) -> str:
    """Per byte: 1 when it is greater than ``character``, else 0. Adding 127 - c sets the highest bit exactly then."""
    addend = LOWEST_BITS * (0x7F - ord(character))
    return f"((({word} + {addend}::ubigint) & {HIGHEST_BITS}::ubigint) >> 7)"


def _lane_sum(word: str) -> str:
    """Sum eight bytes with the weights 1, 3, 9 … from the first (highest) byte on: as pairs, fours, and all."""
    pairs = f"((({word} >> 8) & {0x00FF00FF00FF00FF}::ubigint) + 3 * ({word} & {0x00FF00FF00FF00FF}::ubigint))"
    fours = f"((({pairs} >> 16) & {0x0000FFFF0000FFFF}::ubigint) + 9 * ({pairs} & {0x0000FFFF0000FFFF}::ubigint))"
    return f"(({fours} >> 32) + 81 * ({fours} & {0x00000000FFFFFFFF}::ubigint))"
