"""From accepted rows to checked marts on a branch: audit the resources, run dbt, audit the marts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lakehouse.branches import Branch
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome
from lakehouse.pipeline.checking import check_marts, check_resources, publish_data_docs
from lakehouse.pipeline.dbt_nursery import have_dbt_at_hand
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs
from lakehouse.pipeline.lineage_events import tell_build
from lakehouse.pipeline.ops_tables import record_quality
from lakehouse.pipeline.workplaces import open_workplace

GOVERNANCE_SCHEMAS = ("governance", "catalogue")


@dataclass(frozen=True)
class Built:
    """What a step left on its branch; any line in ``blocking`` keeps the branch from being published."""

    blocking: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)


def build(
    settings: Settings,
    branch: Branch,
    inputs: Inputs,
    outcomes: Sequence[BatchOutcome],
    progress: Callable[[str, int, int], None],
) -> Built:
    """Check and build everything on one branch."""
    built = transform(settings, branch, inputs, outcomes)
    progress("transform", 1, 1)
    if not built.blocking:
        built = check(settings, branch, inputs)
        progress("check", 1, 1)
    return built


def transform(
    settings: Settings,
    branch: Branch,
    inputs: Inputs,
    outcomes: Sequence[BatchOutcome],
    topic: str | None = None,
) -> Built:
    """Audit the resources (of one topic), then let dbt build on them; the results are kept on the branch.

    dbt runs only on resources that passed.
    """
    contracts = list(inputs.contracts.values()) if topic is None else inputs.of_topic(topic)
    have_dbt_at_hand()
    with open_workplace(settings, branch) as place:
        with place.resources() as con:
            resources = check_resources(settings, branch, con, inputs, contracts, outcomes)
        record_quality(settings, branch, resources.rows)
        publish_data_docs(settings, resources.suites)
        if resources.blocking:
            return Built(resources.blocking)
        dbt = place.build(inputs, topic)
    return Built([] if dbt.ok else dbt.failures)


def check(settings: Settings, branch: Branch, inputs: Inputs, topic: str | None = None) -> Built:
    """Audit the marts that dbt built, commit them to the branch when they pass, and tell the catalogue what they are of."""
    with open_workplace(settings, branch) as place:
        with place.marts() as con:
            marts = check_marts(settings, con, schemas_of(inputs, topic))
        record_quality(settings, branch, marts.rows)
        publish_data_docs(settings, marts.suites)
        if marts.blocking:
            return Built(marts.blocking)
        models = place.commit(topic)
    tell_build(settings, branch, topic)
    return Built(models=models)


def schemas_of(inputs: Inputs, topic: str | None) -> list[str]:
    """Return the mart schemas that a topic publishes; all of them without a topic."""
    if topic is None:
        return [*inputs.vocabulary.categories.topics, *GOVERNANCE_SCHEMAS]
    return list(GOVERNANCE_SCHEMAS) if topic == CATALOGUE_TOPIC else [topic]
