"""A dbt command on a branch's catalog in Trino, with a project that was parsed for no branch in particular.

The catalog is part of dbt's profile, every run has another one, and for another profile dbt parses the whole project anew,
which takes seconds. So it is parsed without the variables that say where Trino is, for the catalog that the profile names
then; that is the same in every run, and dbt remembers it. Before the command itself runs, what was parsed is told where it
is. To hand a manifest to a command is a documented way to use dbt.
"""

from __future__ import annotations

import os
import sys

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from lakehouse.pipeline.dbt_trino import CATALOG, SERVER_PREFIX

FAILED = 1


def run_on_branch(parsing: list[str], arguments: list[str]) -> int:
    """Run one command in the catalog that the environment names; return its exit code.

    ``parsing`` is the command line by which the project is parsed.
    """
    server = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(SERVER_PREFIX)}
    parsed = dbtRunner().invoke(parsing)
    os.environ.update(server)
    if not isinstance(parsed.result, Manifest):
        return _exit_code(parsed.success, parsed.exception)
    _move(parsed.result, server[CATALOG])
    done = dbtRunner(parsed.result).invoke(arguments)
    return _exit_code(done.success, done.exception)


def _exit_code(success: bool, fault: BaseException | None) -> int:
    if fault is not None:
        sys.stdout.write(f"{fault}\n")
    return 0 if success else FAILED


def _move(manifest: Manifest, catalog: str) -> None:
    """Let everything that was parsed be in this catalog."""
    for node in (*manifest.nodes.values(), *manifest.sources.values(), *manifest.unit_tests.values()):
        before = getattr(node, "database", None)
        if before is None:
            continue
        node.database = catalog
        if getattr(node, "relation_name", None):
            node.relation_name = node.relation_name.replace(f'"{before}".', f'"{catalog}".', 1)
