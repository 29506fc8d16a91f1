"""The dbt project of a build: the repository's, and in it the sources of what was approved in the catalogue since.

To dbt a resource is a source: by it models count rows and dates, the cluster knows the columns of a table that is not there
yet, and the documentation names it. The repository keeps the sources of the contracts that are built in.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from catalog.derive.artefacts import generated_files
from lakehouse.pipeline.inputs import Inputs
from lakehouse.pipeline.topics import PROJECT

LAID = "project"
NOT_CODE = frozenset({"target", "logs", "dbt_packages", "__pycache__"})


def lay_project(database: Path, inputs: Inputs) -> None:
    """Lay out beside a build database the project that the build needs, when it is not the repository's."""
    place = database.parent / LAID
    shutil.rmtree(place, ignore_errors=True)
    sources = approved_sources(inputs)
    if sources:
        shutil.copytree(PROJECT, place, ignore=shutil.ignore_patterns(*NOT_CODE))
    for path, text in sources.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")


def project_of(database: Path) -> Path:
    """Return the project of a build: the one that was laid out beside its database, else the repository's."""
    laid = database.parent / LAID
    return laid if laid.is_dir() else PROJECT


def approved_sources(inputs: Inputs) -> dict[str, str]:
    """Return the files of sources that differ from the repository's, by their path in the project."""
    depts = {key.partition(".")[0] for key in inputs.approved}
    held = {key: contract for key, contract in inputs.readable.items() if contract.dept in depts}
    files = generated_files(held, inputs.vocabulary)
    named = {str(Path(path).relative_to(PROJECT.name)): text for path, text in files.items()}
    return {path: text for path, text in named.items() if not _is_kept(PROJECT / path, text)}


def _is_kept(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
