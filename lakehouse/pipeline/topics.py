"""Which resources a topic's models read, found by following ``source()`` and ``ref()`` through the dbt project."""

from __future__ import annotations

import re
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


@cache
def _models() -> dict[str, tuple[Path, frozenset[str], frozenset[str]]]:
    """Return model name -> (file, resources it reads, models it reads)."""
    found = {}
    for path in sorted((PROJECT / "models").rglob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        sources = frozenset(f"{dept}.{resource}" for dept, resource in _SOURCE.findall(sql))
        found[path.stem] = (path, sources, frozenset(_REF.findall(sql)))
    return found
