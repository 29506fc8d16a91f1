"""Which resources a topic's models read, found by following ``source()`` and ``ref()`` through the dbt project.

What a topic reads comes first: a topic that is built before one that it reads is built twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from catalog.contract.load import CATALOG_ROOT
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs

PROJECT = CATALOG_ROOT.parent / "dbt_project"
_SOURCE = re.compile(r"source\(\s*'(\w+)'\s*,\s*'(\w+)'\s*\)")
_REF = re.compile(r"ref\(\s*'(\w+)'\s*\)")


def resources_read_by(topic: str, inputs: Inputs) -> set[str]:
    """Return the keys of the resources below the marts of ``topic``, its own resources included."""
    if topic == CATALOGUE_TOPIC:
        return set(inputs.contracts)
    models = _models()
    own = {contract.key for contract in inputs.of_topic(topic)}
    marts = [name for name, (path, _, _) in models.items() if path.parent.name == topic and "marts" in path.parts]
    found, waiting = set(own), marts
    while waiting:
        _, sources, refs = models.get(waiting.pop(), (PROJECT, frozenset(), frozenset()))
        found |= sources
        waiting += refs
    return found


def upstream_topics(topic: str, inputs: Inputs) -> list[str]:
    """Return the other topics whose published resources ``topic`` reads."""
    read = {inputs.contracts[key].topic for key in resources_read_by(topic, inputs) if key in inputs.contracts}
    return [name for name in inputs.topics if name in read - {topic}]


def build_order(inputs: Inputs) -> list[str]:
    """Return the topics so that each comes after those that it waits for."""
    waits_for = topics_to_wait_for({topic: upstream_topics(topic, inputs) for topic in inputs.topics})
    # Whoever waits for a topic waits for all that this one waits for, and so for more.
    return sorted(inputs.topics, key=lambda topic: len(waits_for[topic]))


def topics_to_wait_for(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return, per topic, the topics that come before it: those it reads, directly or through others.

    Topics that read each other, directly or around a corner, never wait for one another.
    """
    reached = {topic: _reached(topic, upstream) for topic in upstream}
    return {
        topic: [name for name in upstream if name in before and topic not in reached[name]]
        for topic, before in reached.items()
    }


def _reached(topic: str, upstream: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(upstream[topic])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += upstream[name]
    return found


@cache
def _models() -> dict[str, tuple[Path, frozenset[str], frozenset[str]]]:
    """Return model name -> (file, resources it reads, models it reads)."""
    found = {}
    for path in sorted((PROJECT / "models").rglob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        sources = frozenset(f"{dept}.{resource}" for dept, resource in _SOURCE.findall(sql))
        found[path.stem] = (path, sources, frozenset(_REF.findall(sql)))
    return found
