"""Plant defects: every defective row is an additional one, so that nothing else in the city depends on it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import polars as pl

from catalog.contract.model import Contract
from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.rendering import Style, as_text, style_of
from lakehouse.sample_city.resource import ResourceRows
from lakehouse.sample_city.trouble.defects import FILLER, Cells, Context, breaks_gb18030, spoil
from lakehouse.sample_city.trouble.slots import WHOLE_ROW, Slot, priorities
from lakehouse.sample_city.trouble.truth import Truth
from lakehouse.sample_city.world import World
from lakehouse.sample_city.writers.delimited import line

SHARE = 0.005  # of a resource's rows
MOST_OF_A_BATCH = 0.08
SMALL_BATCH = 25


class Planter:
    """Plants in one resource after the other and notes the truth."""

    def __init__(self, world: World, contracts: Mapping[str, Contract], truth: Truth) -> None:
        self.world, self.contracts, self.truth = world, contracts, truth
        self.order = priorities(contracts, world.vocabulary, Dice(world.seed, "priorities"))

    def plant(self, rows: ResourceRows, made: list[Batch]) -> None:
        """Add extra rows to the batches of one resource."""
        dice = Dice(self.world.seed, f"trouble {rows.key}")
        places = self._places(dice, rows, made)
        order = self.order[rows.key]
        slots = list(itertools.islice(itertools.cycle(order), len(places)))
        fresh = rows.fresh(len(places))
        start = int(dice.integers(0, 999, 1)[0])
        turns = [start + n % len(order) + n // len(order) for n in range(len(places))]
        for batch in made:
            chosen = [n for n, place in enumerate(places) if place is batch]
            if chosen:
                work = _Work(rows, batch, self.contracts[rows.key], self.world, dice)
                work.plant([slots[n] for n in chosen], fresh[chosen], [turns[n] for n in chosen])
                for kind, key, rule in work.truth:
                    self.truth.add(kind, rows.key, key, rule)

    def _places(self, dice: Dice, rows: ResourceRows, made: list[Batch]) -> list[Batch]:
        """Return the batch of each defect: by size, never more than a small share of one."""
        size = sum(len(batch.frame) for batch in made if batch.plantable)
        wanted = max(1, round(size * SHARE)) + (size >= 50) + (size >= 150)
        open_ = [b for b in made if b.plantable and len(b.frame) >= SMALL_BATCH]
        open_ = open_ or [max((b for b in made if b.plantable), key=lambda b: len(b.frame))]
        room = [max(1, int(len(b.frame) * MOST_OF_A_BATCH)) for b in open_]
        drawn = dice.index(len(open_), wanted, [float(len(b.frame)) for b in open_])
        kept = [n for n in range(len(open_)) for _ in range(min(int((drawn == n).sum()), room[n]))]
        return [open_[n] for n in dice.rng.permutation(kept)]


class _Work:
    """The defects of one batch."""

    def __init__(self, rows: ResourceRows, batch: Batch, contract: Contract, world: World, dice: Dice) -> None:
        self.rows, self.batch, self.contract, self.dice = rows, batch, contract, dice
        self.style: Style = style_of(contract)
        self.context = Context(contract, world.vocabulary, world.divisions, self.style)
        self.truth: list[tuple[str, str, str]] = []

    def plant(self, slots: list[Slot], fresh: pl.DataFrame, turns: list[int]) -> None:
        """Plant one defect a slot; ``fresh`` has the unused key of each, ``turns`` varies the sort of defect."""
        count = len(slots)
        templates = self._cells(self.dice.index(len(self.batch.frame), count))
        keys = as_text(fresh, self.style).rows(named=True)
        originals = self._originals(slots)
        positions = self.dice.integers(0, len(self.batch.frame), count)
        for n, slot in enumerate(slots):
            if slot.kind in ("duplicate_key", "exact_duplicate"):
                if (row := next(originals, None)) is not None:
                    self._double(slot, row)
                continue
            cells = {**templates[n], **keys[n]}
            if slot.kind == "wrong_encoding":
                self._misencode(cells, int(positions[n]))
                continue
            spoilt, rule = spoil(cells, slot, self.context.at_turn(turns[n]))
            absent = (slot.column,) if slot.kind == "missing_required" and turns[n] % 2 and self._ndjson else ()
            self._add(slot.kind, Extra(int(positions[n]), spoilt, absent=absent), rule)

    @property
    def _ndjson(self) -> bool:
        return self.contract.gov.source.kind == "ndjson"

    def _cells(self, rows: Ints) -> list[Cells]:
        return as_text(self.batch.frame[rows], self.style).rows(named=True)

    def _originals(self, slots: list[Slot]) -> itertools.chain[int]:
        wanted = sum(slot.kind in WHOLE_ROW for slot in slots)
        free = np.flatnonzero(~self.batch.taken)
        chosen = self.dice.sample(free, wanted)
        return itertools.chain(self.dice.rng.permutation(chosen).tolist())

    def _add(self, kind: str, extra: Extra, rule: str) -> None:
        self.batch.extras.append(extra)
        key = "|".join(extra.cells[name] or "" for name in self.contract.primary_key)
        self.truth.append((kind, key, rule))

    def _double(self, slot: Slot, row: int) -> None:
        """Repeat a clean row somewhere after it: identical, or with another value in the column that may differ."""
        cells = self._cells(np.array([row]))[0]
        position = int(self.dice.integers(row + 1, len(self.batch.frame), 1)[0])
        if slot.kind == "exact_duplicate":
            self._add(slot.kind, Extra(position, cells), "key.identical")
            return
        name = self.rows.variant
        for other in self._cells(self.dice.index(len(self.batch.frame), 12)):
            if other[name] is not None and other[name] != cells[name]:
                self._add(slot.kind, Extra(position, {**cells, name: other[name]}), "key.duplicate")
                return

    def _misencode(self, cells: Cells, position: int) -> None:
        """Write one line of a GB18030 file in UTF-8, such that it cannot be read as GB18030."""
        for changed in self._odd_versions(cells):
            if breaks_gb18030(line([changed[p.name] for p in self.contract.properties]).encode("utf-8")):
                self._add("wrong_encoding", Extra(position, changed, utf8=True), "row.encoding")
                return

    def _odd_versions(self, cells: Cells) -> list[Cells]:
        names = [p.name for p in self.contract.properties if not (cells[p.name] or "").isascii()]
        return [cells, *({**cells, name: f"{cells[name]}{FILLER}"} for name in names)]
