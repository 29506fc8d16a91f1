"""The catalogue as it is published, as proposals are judged beside it: vocabulary, contracts and their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from catalog.contract.document import Document, read_document
from catalog.contract.load import SUFFIX
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary


@dataclass(frozen=True)
class Published:
    """Contracts by key and the text of each one's file, at one moment."""

    vocabulary: Vocabulary
    contracts: Mapping[str, Contract]
    texts: Mapping[str, str]

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The files' content by key, without places."""
        return {key: read_document(text.encode(), places=False) for key, text in self.texts.items()}

    def beside(self, keys: Iterable[str]) -> dict[str, Document]:
        """Return the documents that stay when those of ``keys`` are replaced, by path."""
        replaced = set(keys)
        return {path_of(key): document for key, document in self.documents.items() if key not in replaced}

    def next_code(self, category: str, taken: Iterable[str] = ()) -> str:
        """Return the first free resource code of a category; ``taken`` are those of proposals under way."""
        used = {contract.gov.resource_code for contract in self.contracts.values()} | set(taken)
        number = 1
        while f"{category}/{number}" in used:
            number += 1
        return f"{category}/{number}"


def path_of(key: str) -> str:
    """Return the path of a contract in the tree, ``contracts/<dept>/<resource>.odcs.yaml``."""
    dept, _, resource = key.partition(".")
    return f"contracts/{dept}/{resource}{SUFFIX}"
