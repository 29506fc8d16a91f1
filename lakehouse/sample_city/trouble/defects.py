"""How one row goes wrong: pure functions from a good row, as texts, to the defective one and the rule it breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from lakehouse.sample_city.divisions import Divisions
from lakehouse.sample_city.identifiers import CREDIT_ALPHABET
from lakehouse.sample_city.rendering import Style
from lakehouse.sample_city.trouble.slots import Slot

Cells = dict[str, str | None]

IMPOSSIBLE_DATES = (("2025-02-30", "type"), ("0001-01-01", "range"), ("9999-12-31", "range"), ("20261345", "type"))
UNREADABLE_INTEGERS = ("约12", "12.5", "3000000000", "无")
UNREADABLE_DOUBLES = ("东经120度", "N/A", "120..5")
UNREADABLE_BOOLEANS = ("损坏", "待查")
OUTSIDE = {"longitude": ("116.397428", "121.473701"), "latitude": ("31.230416", "28.6821")}
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
FILLER = "某"  # makes a UTF-8 line of even length odd, so that no GB18030 decoder can read it


@dataclass(frozen=True)
class Context:
    """What defects need to know of the resource and the city; ``turn`` counts up, to vary the sort of defect."""

    contract: Contract
    vocabulary: Vocabulary
    divisions: Divisions
    style: Style
    turn: int = 0

    def at_turn(self, turn: int) -> Context:
        """Return the same context for another defect."""
        return replace(self, turn=turn)


def spoil(cells: Cells, slot: Slot, context: Context) -> tuple[Cells, str]:
    """Return the row with the defect of ``slot`` in it, and the name of the broken rule."""
    prop = context.contract.property_named(slot.column)
    value, check = _VALUES[slot.kind](cells, prop, context)
    return {**cells, slot.column: value}, f"{slot.column}.{check}"


def _good_number(cells: Cells, prop: Property, context: Context) -> str:
    """Return the column's valid number, or where it is empty that of another column of the same sort."""
    alike = [p.name for p in context.contract.properties if p.gov.item == prop.gov.item and cells[p.name]]
    return cells[prop.name] or cells[alike[0]] or ""


def _bad_checksum(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    good = _good_number(cells, prop, context)
    personal = context.vocabulary.items[prop.gov.item].format == "resident_id"
    alphabet = "0123456789" if personal else CREDIT_ALPHABET.decode()
    place = alphabet.find(good[-1])
    return good[:-1] + alphabet[(place + 1 + context.turn % (len(alphabet) - 1)) % len(alphabet)], "checksum"


def _old_number(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    good = _good_number(cells, prop, context)
    return good[:6] + good[8:17], "checksum"


def _full_width(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    return _good_number(cells, prop, context).translate(FULL_WIDTH), "checksum"


def _impossible_date(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    text, check = IMPOSSIBLE_DATES[context.turn % len(IMPOSSIBLE_DATES)]
    if prop.base_type == "timestamp":
        text = text if "-" in text else "2026-13-45"
        return text + context.style.moment[8] + "08:30:00", check
    return text.replace("-", "") if context.style.date == "%Y%m%d" else text, check


def _missing(cells: Cells, prop: Property, context: Context) -> tuple[None, str]:
    return None, "required"


def _unknown_code(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    known = context.vocabulary.code_lists[str(prop.gov.code_list)].values
    width = min(prop.logical_type_options.max_length or 2, len(next(iter(known))))
    unknown = [c * width for c in "9Z8Y7" if c * width not in known]
    return unknown[context.turn % len(unknown)], "code_list"


def _outside(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    choices = OUTSIDE[str(context.vocabulary.items[prop.gov.item].format)]
    return choices[context.turn % len(choices)], "in_city"


def _unreadable(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    match prop.base_type:
        case "integer" | "bigint":
            choices: tuple[str, ...] = UNREADABLE_INTEGERS
        case "double":
            choices = UNREADABLE_DOUBLES
        case "boolean":
            choices = UNREADABLE_BOOLEANS
        case _:
            precision, scale = prop.decimal_parameters
            overflow = "1" + "0" * (precision - scale) + "." + "0" * scale
            choices = ("面议", "0." + "1" * (scale + 1), overflow, "NaN")
    return choices[context.turn % len(choices)], "type"


def _wrong_division(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    """A code of this city that never was, or one that had ended before the day that the row speaks of."""
    watermark = context.contract.gov.source.watermark
    speaks_of = "9999" if watermark is None else (cells[watermark] or "")[:10].replace("-", "")
    ended = context.divisions.ended
    code = ended[context.turn % len(ended)]
    last_ended = max(str(day) for day in context.divisions.table["valid_until"].drop_nulls()).replace("-", "")
    if context.turn % 2 and speaks_of > last_ended:
        return code, "division"
    towns = context.divisions.villages["town_code"]
    return towns[context.turn * 97 % len(towns)] + "999", "division"


def _reversed(cells: Cells, prop: Property, context: Context) -> tuple[str, str]:
    earlier = cells[str(prop.gov.not_before)] or ""
    stamp = date.fromisoformat(f"{earlier[:4]}-{earlier[5:7]}-{earlier[8:10]}") - timedelta(
        days=30 + context.turn % 300
    )
    return stamp.isoformat() + earlier[10:], "order"


_VALUES = {
    "bad_checksum": _bad_checksum,
    "id15": _old_number,
    "full_width_digits": _full_width,
    "impossible_date": _impossible_date,
    "missing_required": _missing,
    "not_in_code_list": _unknown_code,
    "outside_city": _outside,
    "wrong_type": _unreadable,
    "wrong_division": _wrong_division,
    "reversed_dates": _reversed,
}


def breaks_gb18030(line: bytes) -> bool:
    """Tell whether a line cannot be GB18030 by its byte structure alone, whatever table a decoder uses."""
    place = 0
    while place < len(line):
        lead = line[place]
        if lead < 0x80:
            place += 1
            continue
        second = line[place + 1] if place + 1 < len(line) else 0
        if 0x30 <= second <= 0x39:
            rest = line[place + 2 : place + 4]
            if len(rest) < 2 or not 0x81 <= rest[0] <= 0xFE or not 0x30 <= rest[1] <= 0x39:
                return True
            place += 4
        elif lead not in (0x80, 0xFF) and 0x40 <= second <= 0xFE and second != 0x7F:
            place += 2
        else:
            return True
    return False
