"""Load contracts and vocabulary from YAML. With ``remembered``, the only part of ``catalog.contract`` that touches files."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog.contract.document import read_document
from catalog.contract.model import Contract
from catalog.contract.remembered import load_remembered
from catalog.contract.vocabulary import Vocabulary

CATALOG_ROOT = Path(__file__).resolve().parents[1]
SUFFIX = ".odcs.yaml"
VOCABULARY_PARTS = ("city", "departments", "items", "code_lists", "categories", "facts")
OTHER_VOCABULARY = ("synonyms",)  # words of the search, of which no contract speaks
REMEMBERED_CONTRACTS = 4096


class UnreadableDocument(ValueError):
    """A file that is not one strict YAML document; the message names file, line and fault."""


def read_yaml(path: Path) -> Any:
    """Parse one file into plain objects; raise :class:`UnreadableDocument` on bad syntax, doubled keys or aliases."""
    return _parse(path.read_bytes(), str(path))


def contract_paths(root: Path = CATALOG_ROOT, *, approved: Path | None = None) -> list[Path]:
    """Return the contract files below ``root/contracts``, sorted by department and resource.

    A file of the same department and resource below ``approved``, where an installation keeps what was approved there,
    takes the place of the one that is built in.
    """
    folders = [folder for folder in (root / "contracts", approved) if folder is not None]
    found = {path.relative_to(folder): path for folder in folders for path in folder.glob(f"*/*{SUFFIX}")}
    return [found[name] for name in sorted(found)]


def approved_keys(folder: Path | None) -> frozenset[str]:
    """Return the keys ``<dept>.<resource>`` of the contracts that an installation keeps in ``folder``: new, changed or withdrawn."""
    paths = folder.glob(f"*/*{SUFFIX}") if folder is not None else ()
    return frozenset(f"{path.parent.name}.{path.name.removesuffix(SUFFIX)}" for path in paths)


def is_withdrawn(contract: Contract) -> bool:
    """Tell whether the entry was taken out of the catalogue; its file stays as the record of that."""
    return contract.status == "retired"


def load_contract(path: Path) -> Contract:
    """Load and validate one contract; raise ``pydantic.ValidationError`` when it breaks a rule.

    A file whose content was loaded before in this process is not parsed again.
    """
    return parse_contract(path.read_bytes(), str(path))


def load_contracts(
    root: Path = CATALOG_ROOT,
    *,
    remembered: Path | None = None,
    approved: Path | None = None,
    with_withdrawn: bool = False,
) -> dict[str, Contract]:
    """Return every contract by its key ``<dept>.<resource>``, without those that were withdrawn unless they are asked for.

    ``remembered`` is a file that makes reading them again fast; ``approved`` see :func:`contract_paths`.
    """
    paths = contract_paths(root, approved=approved)
    with many_new_objects():
        if remembered is None:
            contracts = [load_contract(path) for path in paths]
        else:
            files = ((path.read_bytes(), str(path)) for path in paths)
            contracts = load_remembered(files, remembered, parse_contract)
    return {contract.key: contract for contract in contracts if with_withdrawn or not is_withdrawn(contract)}


def load_vocabulary(root: Path = CATALOG_ROOT) -> Vocabulary:
    """Load ``vocabulary/*.yaml``."""
    return Vocabulary.model_validate(
        {part: read_yaml(root / "vocabulary" / f"{part}.yaml") for part in VOCABULARY_PARTS}
    )


@lru_cache(maxsize=REMEMBERED_CONTRACTS)
def parse_contract(content: bytes, name: str) -> Contract:
    """Validate the content of one contract file; ``name`` is what messages call it."""
    return Contract.model_validate(_parse(content, name))


def _parse(content: bytes, name: str) -> Any:
    document = read_document(content, places=False)
    if document.faults:
        fault = document.faults[0]
        raise UnreadableDocument(f"{name}:{fault.place.line}: {fault.message}")
    return document.data


@contextmanager
def many_new_objects() -> Iterator[None]:
    """Pause the cycle collector: it walks all that was loaded again and again, and nothing of it is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
