"""What is published now: the contracts that were built in, and over them those that were approved here."""

from __future__ import annotations

import threading
from pathlib import Path

from catalog.cataloguing.archive import Archive
from catalog.cataloguing.published import Published
from catalog.contract.load import CATALOG_ROOT, contract_paths, is_withdrawn, parse_contract
from catalog.contract.vocabulary import Vocabulary


class Shelf:
    """Reads the published contracts anew when a publication was made, by whichever process."""

    def __init__(self, vocabulary: Vocabulary, archive: Archive, root: Path = CATALOG_ROOT) -> None:
        self._vocabulary, self._root = vocabulary, root
        self.archive = archive
        self._lock = threading.Lock()
        self._mark: str | None = None
        self._held = Published(vocabulary, {}, {})

    def now(self) -> Published:
        """Return what is published; the same object until something else is."""
        with self._lock:
            mark = self.archive.mark()
            if mark != self._mark:
                self._held, self._mark = self._read(), mark
            return self._held

    def _read(self) -> Published:
        contracts, texts = {}, {}
        for path in contract_paths(self._root, approved=self.archive.folder):
            content = path.read_bytes()
            contract = parse_contract(content, str(path))
            if not is_withdrawn(contract):
                contracts[contract.key], texts[contract.key] = contract, content.decode()
        return Published(self._vocabulary, contracts, texts)
