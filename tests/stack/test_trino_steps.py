"""The steps that an orchestrator runs, on the cluster: a topic adopts, builds in Trino, is checked and published alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from infra.cli.pipeline import department_systems
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, load_inputs
from lakehouse.pipeline.steps import check_step, ingest_step, open_topic_branch, publish_step, transform_step

pytestmark = pytest.mark.stack

TOPIC = "economy"


@pytest.fixture(scope="module")
def settings(
    tmp_path_factory: pytest.TempPathFactory, small_city: Path, parsed_cluster_home: Callable[[Path], Path]
) -> Iterator[Settings]:
    """A home where the resources of one topic were ingested, and nothing else."""
    home = parsed_cluster_home(tmp_path_factory.mktemp("steps"))
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="500MB")
    with department_systems(small_city) as systems:
        for contract in load_inputs(checked=False).of_topic(TOPIC):
            ingest_step(settings, contract.key, systems)
    yield settings
    remove_cluster_home(settings)


def publish_topic(settings: Settings, topic: str) -> set[str]:
    """Run a topic's steps; return what ``main`` shows then."""
    branch = open_topic_branch(settings, topic)["branch"]
    for verdict in (transform_step(settings, branch, topic), check_step(settings, branch, topic)):
        assert not verdict["blocked"], verdict["reason"]
    assert publish_step(settings, branch, topic)["published"]
    return set(branch_pointers(settings))


def test_topics_are_published_one_by_one_and_not_again(settings: Settings) -> None:
    resources = {contract.key for contract in load_inputs(checked=False).of_topic(TOPIC)}

    first = publish_topic(settings, TOPIC)

    assert {"economy.enterprise_profile", "economy.project_progress"} | resources <= first
    assert {name.partition(".")[0] for name in first if name not in resources} == {TOPIC, "ops", "quarantine"}
    assert open_topic_branch(settings, TOPIC)["branch"] is None

    second = publish_topic(settings, CATALOGUE_TOPIC)

    assert {name.partition(".")[0] for name in second - first} == {"catalogue", "governance"}
    assert "scratch_staging" not in {name.partition(".")[0] for name in second}
    assert (settings.docs / "dbt" / "index.html").exists()
