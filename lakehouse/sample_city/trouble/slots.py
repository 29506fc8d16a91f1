"""Which defect fits which column: derived from the contracts, so that a new contract gets its share of trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from lakehouse.sample_city.dice import Dice

REGISTER = "dsjj.division"  # the reference of the division rule: its own codes are not put in question
IDENTIFIER_FORMATS = ("resident_id", "credit_code")
NUMBERS = ("integer", "bigint", "decimal", "double", "boolean")
COLUMNS_A_KIND = 2
WHOLE_ROW = ("duplicate_key", "exact_duplicate", "wrong_encoding")


@dataclass(frozen=True)
class Slot:
    """One kind of defect in one column (empty for defects of the whole row)."""

    kind: str
    column: str = ""


def slots_of(contract: Contract, vocabulary: Vocabulary) -> list[Slot]:
    """Return every defect that a row of this resource can have."""
    slots = [Slot("duplicate_key"), Slot("exact_duplicate")]
    if contract.gov.source.encoding == "gb18030":
        slots.append(Slot("wrong_encoding"))
    for prop in contract.properties:
        slots += [Slot(kind, prop.name) for kind in _kinds(prop, contract, vocabulary)]
    return slots


def _kinds(prop: Property, contract: Contract, vocabulary: Vocabulary) -> Iterator[str]:
    item = vocabulary.items.get(prop.gov.item)
    form = item.format if item is not None else None
    if form in IDENTIFIER_FORMATS:
        yield "bad_checksum"
    if form == "resident_id" and not prop.primary_key:
        yield "id15"
        yield "full_width_digits"
    if prop.primary_key or _drives_reading(prop, contract):
        return
    if prop.base_type in ("date", "timestamp"):
        yield "impossible_date"
    if prop.required:
        yield "missing_required"
    if prop.gov.code_list is not None:
        yield "not_in_code_list"
    if form in ("longitude", "latitude"):
        yield "outside_city"
    if prop.base_type in NUMBERS:
        yield "wrong_type"
    if form == "division_code" and contract.key != REGISTER:
        yield "wrong_division"
    if prop.gov.not_before is not None:
        yield "reversed_dates"


def _drives_reading(prop: Property, contract: Contract) -> bool:
    """A database or API is asked for rows after the watermark: a row with a broken one would never be delivered."""
    source = contract.gov.source
    return source.kind in ("database", "http_api") and prop.name == source.watermark


def _some(slots: list[Slot], dice: Dice) -> list[Slot]:
    """Keep a few columns a kind, other ones with another seed, so that no kind crowds out the rest."""
    shuffled = [slots[n] for n in dice.rng.permutation(len(slots))]
    seen: Counter[str] = Counter()
    kept = []
    for slot in shuffled:
        seen[slot.kind] += 1
        if seen[slot.kind] <= COLUMNS_A_KIND:
            kept.append(slot)
    return kept


def priorities(contracts: Mapping[str, Contract], vocabulary: Vocabulary, dice: Dice) -> dict[str, list[Slot]]:
    """Order the slots of each resource so that the first ones, over all resources, cover every kind.

    In each round every resource takes the slot whose kind has been taken least so far; a resource with few kinds to
    choose from goes first. Chance decides between equals.
    """
    left = {key: _some(slots_of(contract, vocabulary), dice) for key, contract in contracts.items()}
    chance = {key: dice.rng.random(len(slots)) for key, slots in left.items()}
    rank = {(key, slot): chance[key][i] for key, slots in left.items() for i, slot in enumerate(slots)}
    result: dict[str, list[Slot]] = {key: [] for key in left}
    taken: Counter[str] = Counter()
    while any(left.values()):
        for key in sorted(left, key=lambda k: (len({slot.kind for slot in left[k]}), k)):
            if left[key]:
                slot = min(left[key], key=lambda s: (taken[s.kind], rank[key, s]))
                left[key].remove(slot)
                result[key].append(slot)
                taken[slot.kind] += 1
    return result
