"""Find out who is the same person among all that the registers name, also without or with a wrong resident ID.

What counts as the same is in ``spark_jobs.entities.definition``, for Spark and for DuckDB alike; a city that fits one
machine needs no Spark (``--engine duckdb``), and gets the same result. ``resolution.person_mention`` says which entity each
mention belongs to, ``resolution.person_link`` what each comparison gave for every pair that was linked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame

from catalog.contract.model import Contract
from lakehouse.branches import Branch
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from spark_jobs.branching import publish_tables, refuse_unpublished, working_branch
from spark_jobs.entities import on_duckdb, on_spark
from spark_jobs.entities.registers import mentions_on_duckdb, mentions_on_spark
from spark_jobs.entities.tables import LINKED, MENTIONED, write, write_on_one_machine
from spark_jobs.errors import WrongInput
from spark_jobs.job import parser, run_job
from spark_jobs.lake import branch_catalog
from spark_jobs.session import open_session

BRANCH = "resolve_entities"


@dataclass(frozen=True)
class Resolved:
    """Every mention with its entity, and the pairs that were linked."""

    entities: DataFrame
    links: DataFrame


def transform(mentions: DataFrame) -> Resolved:
    """Resolve mentions, with the columns of ``definition.MENTION_COLUMNS``; keys must be unique.

    The result depends on the mentions alone: not on their order, nor on how they are spread.
    """
    people = on_spark.prepare(mentions).persist(StorageLevel.DISK_ONLY)
    links = on_spark.link(people).persist(StorageLevel.DISK_ONLY)
    return Resolved(on_spark.entities(people, links), links)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Resolve the people of a branch, and publish the result when that is asked for."""
    settings = Settings()
    contracts = load_inputs(checked=False, approved=settings.contracts).contracts
    branch = working_branch(settings, options.branch)
    tables = frozenset(branch_pointers(settings, branch.name))
    for identifier in (MENTIONED, LINKED):
        refuse_unpublished(settings, identifier, branch.name)
    resolve = _on_spark if options.engine == "spark" else _on_one_machine
    done = resolve(settings, branch, contracts, tables)
    snapshot = publish_tables(settings, branch, [MENTIONED, LINKED]) if options.publish else None
    return {"job": "resolve_entities", "engine": options.engine, "branch": branch.name, "snapshot": snapshot, **done}


def _on_spark(
    settings: Settings, branch: Branch, contracts: dict[str, Contract], tables: frozenset[str]
) -> dict[str, Any]:
    with (
        open_session("resolve entities") as session,
        branch_catalog(session, settings, branch.catalog_name) as lake,
    ):
        mentions = mentions_on_spark(session, lake, contracts, tables)
        if mentions is None:
            raise _no_registers(branch)
        found = transform(mentions)
        entities = found.entities.persist(StorageLevel.DISK_ONLY)
        changed = write(session, lake, settings, branch, {MENTIONED: entities, LINKED: found.links})
        counts = {"mentions": entities.count(), "links": found.links.count()}
        return counts | {
            "entities": entities.select("entity_id").distinct().count(),
            "ambiguous": entities.where("is_ambiguous").select("entity_id").distinct().count(),
            "changed": changed,
        }


def _on_one_machine(
    settings: Settings, branch: Branch, contracts: dict[str, Contract], tables: frozenset[str]
) -> dict[str, Any]:
    with closing(open_duckdb(settings=settings)) as con:
        attach_branch(con, settings, branch.name)
        mentions = mentions_on_duckdb(con, contracts, tables)
        if mentions is None:
            raise _no_registers(branch)
        entities, links = on_duckdb.resolve(con, mentions)
        changed = write_on_one_machine(con, settings, branch, {MENTIONED: entities, LINKED: links})
        ids, ambiguous = entities["entity_id"], entities["is_ambiguous"]
        return {
            "mentions": len(entities),
            "links": len(links),
            "entities": len(ids.unique()),
            "ambiguous": len(ids.filter(ambiguous).unique()),
            "changed": changed,
        }


def _no_registers(branch: Branch) -> WrongInput:
    return WrongInput(
        f"branch {branch.name!r} has no table that names people", hint="take some in first: citybrain run"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job from the command line."""
    arguments = parser("resolve_entities", (__doc__ or "").splitlines()[0])
    arguments.add_argument("--branch", default=BRANCH, help="branch to read from and write to (default: %(default)s)")
    arguments.add_argument("--publish", action="store_true", help="publish the result to main")
    arguments.add_argument("--engine", choices=("spark", "duckdb"), default="spark", help="(default: %(default)s)")
    return run_job(arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
