"""Whether a build would see exactly what it saw last time.

The memory is a cache: without it a build runs again and commits nothing, since equal content is never committed.
"""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock

from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import Inputs
from lakehouse.pipeline.topics import resources_read_by
from lakehouse.pipeline.transform import input_fingerprint

EVERYTHING = "everything"


def built_before(settings: Settings, branch: str, inputs: Inputs, scope: str) -> bool:
    """Tell whether the last published build of ``scope`` had the inputs that ``branch`` shows now."""
    return _memory(settings).get(scope) == _now(settings, branch, inputs, scope)


def remember_build(settings: Settings, branch: str, inputs: Inputs, scope: str) -> None:
    """Keep what the published build of ``scope`` was made from."""
    with FileLock(str(_path(settings)) + ".lock"):
        memory = {**_memory(settings), scope: _now(settings, branch, inputs, scope)}
        fresh = _path(settings).with_suffix(".new")
        fresh.write_text(json.dumps(memory, indent=1), encoding="utf-8")
        fresh.replace(_path(settings))


def _now(settings: Settings, branch: str, inputs: Inputs, scope: str) -> str:
    resources = inputs.contracts if scope == EVERYTHING else resources_read_by(scope, inputs)
    return input_fingerprint(settings, branch, inputs.contracts, resources)


def _memory(settings: Settings) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_path(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def _path(settings: Settings) -> Path:
    settings.runs.mkdir(parents=True, exist_ok=True)
    return settings.runs / "fingerprints.json"
