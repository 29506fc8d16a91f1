"""Identifiers with valid check characters: GB 11643, GB 32100, GB 11714, GB 16735; and plates, vectorised.

Every number is clearly synthetic: persons have order codes 900 … 999, firms the organisation code ``MA`` and six digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from lakehouse.sample_city.clock import Days

Ints = npt.NDArray[np.int64]
Bytes2D = npt.NDArray[np.uint8]

RESIDENT_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
RESIDENT_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
CREDIT_ALPHABET = b"0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
VIN_WEIGHTS = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
VIN_ALPHABET = b"ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
VIN_VALUES = {
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    **dict(zip("PR", (7, 9), strict=True)),
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
    **{str(d): d for d in range(10)},
}
PLATE_ALPHABET = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ORDER_CODES_A_SEX = 50  # of 900 … 999: even ones for women, odd ones for men


def digits(values: npt.ArrayLike, width: int) -> Bytes2D:
    """Return the last ``width`` decimal digits of each value as ASCII, one row a value."""
    numbers = np.asarray(values, dtype=np.int64)
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def letters(values: npt.ArrayLike, width: int, alphabet: bytes) -> Bytes2D:
    """Return each value in base ``len(alphabet)`` with ``width`` characters, one row a value."""
    numbers = np.asarray(values, dtype=np.int64)
    base = len(alphabet)
    powers = base ** np.arange(width - 1, -1, -1, dtype=np.int64)
    characters: Bytes2D = np.frombuffer(alphabet, dtype=np.uint8)[numbers[:, None] // powers % base]
    return characters


def text(*parts: Bytes2D | str, count: int) -> pl.Series:
    """Join columns of ASCII characters to strings; a ``str`` part is the same in every row."""
    columns = [
        np.tile(np.frombuffer(p.encode(), dtype=np.uint8), (count, 1)) if isinstance(p, str) else p for p in parts
    ]
    joined = np.ascontiguousarray(np.hstack(columns))
    offsets = np.arange(count + 1, dtype=np.int64) * joined.shape[1]
    array = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(joined))
    return pl.Series(pl.from_arrow(array))


def serial(prefix: str, numbers: npt.ArrayLike, width: int) -> pl.Series:
    """Return ``prefix`` followed by each number with ``width`` digits."""
    values = np.asarray(numbers, dtype=np.int64)
    return text(prefix, digits(values, width), count=len(values))


def occurrence(*keys: npt.NDArray[np.int64]) -> Ints:
    """Return for each row how many earlier rows have the same keys."""
    frame = pl.DataFrame({str(i): key for i, key in enumerate(keys)})
    counted = frame.select(pl.int_range(pl.len(), dtype=pl.Int64).over(list(frame.columns)))
    return counted.to_series().to_numpy()


def resident_ids(area: Ints, birth: Days, sex: Ints) -> pl.Series:
    """Return 18-digit IDs (GB 11643) of persons by area code, birth day and sex (1 male, 2 female), all different.

    Raise ``ValueError`` when more than 50 persons of a sex share an area and a birth day.
    """
    nth = occurrence(area, birth, sex)
    if len(nth) and int(nth.max()) >= ORDER_CODES_A_SEX:
        raise ValueError("more persons with the same birth day and area than order codes 900-999 can tell apart")
    stamps = birth.astype("datetime64[D]")
    year = stamps.astype("datetime64[Y]").astype(np.int64) + 1970
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (stamps - stamps.astype("datetime64[M]")).astype(np.int64) + 1
    order = 900 + 2 * nth + (sex == 1)
    body = np.hstack([digits(area, 6), digits(year * 10_000 + month * 100 + day, 8), digits(order, 3)])
    remainder = ((body.astype(np.int64) - ord("0")) @ RESIDENT_WEIGHTS) % 11
    return text(body, RESIDENT_CHECKS[remainder][:, None], count=len(body))


def credit_codes(kind: str, area: Ints, number: Ints) -> pl.Series:
    """Return unified social credit codes (GB 32100) with the organisation code (GB 11714) ``MA`` + six digits."""
    count = len(number)
    organisation = np.hstack([np.tile(np.frombuffer(b"MA", dtype=np.uint8), (count, 1)), digits(number, 6)])
    own = 11 - _alphabet_values(organisation, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") @ ORGANISATION_WEIGHTS % 11
    own_check = np.frombuffer(b"0123456789X", dtype=np.uint8)[np.where(own == 11, 0, own)][:, None]
    lead = np.tile(np.frombuffer(kind.encode(), dtype=np.uint8), (count, 1))
    body = np.hstack([lead, digits(area, 6), organisation, own_check])
    total = _alphabet_values(body, CREDIT_ALPHABET) @ CREDIT_WEIGHTS
    check = np.frombuffer(CREDIT_ALPHABET, dtype=np.uint8)[(31 - total % 31) % 31][:, None]
    return text(body, check, count=count)


def _alphabet_values(characters: Bytes2D, alphabet: bytes) -> Ints:
    table = np.zeros(256, dtype=np.int64)
    table[np.frombuffer(alphabet, dtype=np.uint8)] = np.arange(len(alphabet))
    values: Ints = table[characters]
    return values


def vins(number: Ints) -> pl.Series:
    """Return vehicle identification numbers with their check digit, of the synthetic maker ``LZX``."""
    scattered = number * 7_919 % len(VIN_ALPHABET) ** 4
    body = [letters(scattered, 5, VIN_ALPHABET), np.full((len(number), 1), ord("0"), dtype=np.uint8)]
    maker = np.tile(np.frombuffer(b"LZX", dtype=np.uint8), (len(number), 1))
    whole = np.hstack([maker, *body, np.tile(np.frombuffer(b"T", dtype=np.uint8), (len(number), 1)), digits(number, 7)])
    table = np.zeros(256, dtype=np.int64)
    for character, value in VIN_VALUES.items():
        table[ord(character)] = value
    remainder = table[whole] @ VIN_WEIGHTS % 11
    whole[:, 8] = np.frombuffer(b"0123456789X", dtype=np.uint8)[remainder]
    return text(whole, count=len(number))


def plates(number: Ints, electric: npt.NDArray[np.bool_]) -> pl.Series:
    """Return plate numbers of the province's first city (GA 36); electric vehicles get the six-place form."""
    base = len(PLATE_ALPHABET)
    scattered = number * 1_299_709 % base**4
    fuel = text(letters(scattered, 4, PLATE_ALPHABET), digits(number % 10, 1), count=len(number))
    power = text("D", letters(scattered, 4, PLATE_ALPHABET), digits(number % 10, 1), count=len(number))
    return pl.select(
        pl.lit("浙") + pl.lit("A") + pl.when(pl.lit(pl.Series(electric))).then(pl.lit(power)).otherwise(pl.lit(fuel))
    ).to_series()
