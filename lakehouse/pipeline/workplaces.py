"""Where a branch is checked and built: in DuckDB on the embedded profile, in Trino on the cluster's. The steps are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lakehouse.branches import Branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.dbt_process import DbtResult
from lakehouse.pipeline.inputs import Inputs
from lakehouse.pipeline.transform import build_path, commit_models, prepare_build, run_dbt


class Workplace(Protocol):
    """One branch in the hands of one engine."""

    def resources(self) -> Any:
        """Open a connection that shows the tables of the branch; a context manager."""

    def marts(self) -> Any:
        """Open a connection that shows what was built; a context manager."""

    def build(self, inputs: Inputs, topic: str | None) -> DbtResult:
        """Let dbt build the marts of a topic, or all."""

    def commit(self, topic: str | None) -> list[str]:
        """Keep on the branch the built marts whose content changed; return them."""


@contextmanager
def open_workplace(settings: Settings, branch: Branch) -> Iterator[Workplace]:
    """Give the workplace of a branch; what it takes on a server is given back in all cases."""
    if settings.profile == "cluster":
        from lakehouse.connect.trino import branch_catalog
        from lakehouse.pipeline.trino_build import OnTrino

        with branch_catalog(settings, branch.catalog_name) as catalog:
            yield OnTrino(settings, branch, catalog)
    else:
        yield OnDuckDb(settings, branch)


@dataclass(frozen=True)
class OnDuckDb:
    """A build in a DuckDB file of the branch's own."""

    settings: Settings
    branch: Branch

    @contextmanager
    def resources(self) -> Iterator[Any]:
        """Open a connection with a view over every table of the branch."""
        con = open_duckdb(settings=self.settings)
        try:
            attach_branch(con, self.settings, self.branch.name)
            yield con
        finally:
            con.close()

    @contextmanager
    def marts(self) -> Iterator[Any]:
        """Open the build database."""
        con = open_duckdb(build_path(self.settings, self.branch), read_only=True, settings=self.settings)
        try:
            yield con
        finally:
            con.close()

    def build(self, inputs: Inputs, topic: str | None) -> DbtResult:
        """Lay out a fresh build database and run dbt in it."""
        database = prepare_build(self.settings, self.branch, inputs)
        return run_dbt(self.settings, self.branch, database, topic=topic)

    def commit(self, topic: str | None) -> list[str]:
        """Commit the marts to the branch."""
        return commit_models(self.settings, self.branch, build_path(self.settings, self.branch), topic=topic)
