"""The divisions that this installation publishes (``dsjj.division``), ready to be searched, with their old names."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from catalog.api.facts import Facts
from catalog.contract.load import CATALOG_ROOT
from catalog.search.arrays import BadIndex, save
from catalog.search.divisions import Division, bare_code, division_things, read_changes
from catalog.search.names import Match, NameIndex, build_names

TABLE = "dsjj.division"
CHANGES = CATALOG_ROOT / "vocabulary" / "division_changes.csv"
SUFFIX = ".names"
_ROWS = f"select division_code, division_name, level_no, valid_until from {TABLE} order by division_code"


class CityDivisions:
    """The index of divisions, one for each publish: built once, kept as a file below ``folder`` for the next start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held: tuple[str, NameIndex] | None = None

    def search(self, facts: Facts, query: str, limit: int) -> list[Match]:
        """Return divisions by name, the best first; old names are found before anything is published."""
        return self.index(facts).search(query, limit)

    def index(self, facts: Facts) -> NameIndex:
        """Return the index of what is published now; the first who asks after a publish waits until it is built."""
        held = self._held
        if held and held[0] == facts.snapshot:
            return held[1]
        with self._lock:
            if self._held is None or self._held[0] != facts.snapshot:
                self._held = facts.snapshot, self._opened(facts)
            return self._held[1]

    def _opened(self, facts: Facts) -> NameIndex:
        path = self._folder / f"{facts.snapshot}{SUFFIX}"
        with suppress(OSError, BadIndex):
            return NameIndex.open(path)
        rows = facts.rows(TABLE, _ROWS)
        divisions = [
            Division(bare_code(row["division_code"]), row["division_name"], row["level_no"], row["valid_until"])
            for row in rows
        ]
        content = build_names(division_things(divisions, read_changes(CHANGES.read_text(encoding="utf-8"))))
        if not facts.is_published:
            return NameIndex.load(content)
        with suppress(OSError):  # a folder that cannot be written costs the next start some time
            save(path, content)
            for old in self._folder.glob(f"*{SUFFIX}"):
                if old != path:
                    old.unlink()
        return NameIndex.load(content)
