"""Load contracts and vocabulary from YAML. The only part of ``catalog.contract`` that touches files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary

CATALOG_ROOT = Path(__file__).resolve().parents[1]
SUFFIX = ".odcs.yaml"
VOCABULARY_PARTS = ("city", "departments", "items", "code_lists", "categories", "facts")


def read_yaml(path: Path) -> Any:
    """Parse one YAML 1.2 file into plain objects; raise ``ruamel.yaml.YAMLError`` on bad syntax or doubled keys."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def contract_paths(root: Path = CATALOG_ROOT) -> list[Path]:
    """Return the contract files below ``root/contracts``, sorted by department and resource."""
    return sorted((root / "contracts").glob(f"*/*{SUFFIX}"))


def load_contract(path: Path) -> Contract:
    """Load and validate one contract; raise ``pydantic.ValidationError`` when it breaks a rule."""
    return Contract.model_validate(read_yaml(path))


def load_contracts(root: Path = CATALOG_ROOT) -> dict[str, Contract]:
    """Return every contract by its key ``<dept>.<resource>``."""
    contracts = (load_contract(path) for path in contract_paths(root))
    return {contract.key: contract for contract in contracts}


def load_vocabulary(root: Path = CATALOG_ROOT) -> Vocabulary:
    """Load ``vocabulary/*.yaml``."""
    return Vocabulary.model_validate(
        {part: read_yaml(root / "vocabulary" / f"{part}.yaml") for part in VOCABULARY_PARTS}
    )
