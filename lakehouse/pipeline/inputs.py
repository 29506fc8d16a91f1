"""What every run starts from: the contracts, linted, and the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from catalog.contract.lint import lint
from catalog.contract.load import (
    CATALOG_ROOT,
    approved_keys,
    contract_paths,
    is_withdrawn,
    load_contract,
    load_contracts,
    load_vocabulary,
)
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from lakehouse.pipeline.errors import WrongInput

# Governance and catalogue marts look across all topics, so they are published by a topic of their own.
CATALOGUE_TOPIC = "catalogue"


@dataclass(frozen=True)
class Inputs:
    """Contracts by key, and the vocabulary they refer to.

    ``withdrawn`` are entries that were taken out of the catalogue: nothing of them comes in any more, and models may still
    read their tables. ``approved`` names what was approved in this installation: resources that are new, changed, withdrawn.
    """

    contracts: dict[str, Contract]
    vocabulary: Vocabulary
    withdrawn: dict[str, Contract] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()

    @property
    def readable(self) -> dict[str, Contract]:
        """Every resource that a model may read, whether or not its department still delivers it."""
        return {**self.contracts, **self.withdrawn}

    @property
    def topics(self) -> list[str]:
        """Topic libraries in the order of the vocabulary, and the catalogue over all of them last."""
        return [*self.vocabulary.categories.topics, CATALOGUE_TOPIC]

    def of_topic(self, topic: str) -> list[Contract]:
        """Return the contracts that ``topic`` publishes."""
        return [contract for contract in self.contracts.values() if contract.topic == topic]

    def named(self, only: str | None) -> list[Contract]:
        """Return all contracts, or the one named ``DEPT/RESOURCE``; raise :class:`WrongInput` for an unknown name."""
        if only is None:
            return list(self.contracts.values())
        key = only.replace("/", ".")
        if key not in self.contracts:
            raise WrongInput(
                f"no contract named {only!r}",
                hint=f"names are DEPT/RESOURCE, such as {self._nearest(key)}; see catalog/contracts",
            )
        return [self.contracts[key]]

    def _nearest(self, key: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(key, self.contracts, n=1, cutoff=0.0)
        return near[0].replace(".", "/")


def load_inputs(*, checked: bool = True, remembered: Path | None = None, approved: Path | None = None) -> Inputs:
    """Load contracts and vocabulary; with ``checked``, raise :class:`WrongInput` naming every lint fault.

    ``remembered`` is a file in which contracts are kept once they were read; losing it costs time only. ``approved`` is the
    installation's folder of contracts that were approved in its catalogue (``Settings.contracts``): lint judged them there,
    before they were approved.

    Raises:
        WrongInput: also for a file that is no contract.
    """
    if checked:
        faults = [finding for finding in lint(CATALOG_ROOT) if finding.severity == "error"]
        if faults:
            listed = "\n".join(f"{f.path}:{f.line}: {f.field}: {f.message}" for f in faults)
            raise WrongInput(f"{len(faults)} faults in the contracts:\n{listed}", hint="citybrain contract lint")
    try:
        found = load_contracts(remembered=remembered, approved=approved, with_withdrawn=True)
    except ValueError as error:
        raise _unreadable(approved) from error
    return Inputs(
        {key: contract for key, contract in found.items() if not is_withdrawn(contract)},
        load_vocabulary(),
        {key: contract for key, contract in found.items() if is_withdrawn(contract)},
        approved_keys(approved),
    )


def _unreadable(approved: Path | None) -> WrongInput:
    """Say which files are no contracts, and why."""
    said = []
    for path in contract_paths(approved=approved):
        try:
            load_contract(path)
        except ValueError as error:
            said.append(f"{path}: {error}")
    return WrongInput("\n".join(said), hint="citybrain contract lint FILE tells every fault")
