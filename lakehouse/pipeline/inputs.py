"""What every run starts from: the contracts, linted, and the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.contract.lint import lint
from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from lakehouse.pipeline.errors import WrongInput

# Governance and catalogue marts look across all topics, so they are published by a topic of their own.
CATALOGUE_TOPIC = "catalogue"


@dataclass(frozen=True)
class Inputs:
    """Contracts by key, and the vocabulary they refer to."""

    contracts: dict[str, Contract]
    vocabulary: Vocabulary

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
    installation's folder of contracts that were approved in its catalogue (``Settings.contracts``).
    """
    if checked:
        faults = [finding for finding in lint(CATALOG_ROOT) if finding.severity == "error"]
        if faults:
            listed = "\n".join(f"{f.path}:{f.line}: {f.field}: {f.message}" for f in faults)
            raise WrongInput(f"{len(faults)} faults in the contracts:\n{listed}", hint="citybrain contract lint")
    return Inputs(load_contracts(remembered=remembered, approved=approved), load_vocabulary())
