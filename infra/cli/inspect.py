"""Looks into the lakehouse: ``query``, ``tables``, ``history``, ``branches``, ``verify``, ``clean``, ``conflicts``, ``blind-spots``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json

if TYPE_CHECKING:
    import pyarrow as pa

JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
CONFLICTS = "select rule, authority_dept, asserting_dept, count(*) as conflicts from governance.fact_conflict group by all order by all"
BLIND_SPOTS = (
    "select rule, dept, missing_in_dept, count(*) as missing from governance.missing_entity group by all order by all"
)


def app_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(query)
    app.command()(tables)
    app.command()(history)
    app.command()(branches)
    app.command()(verify)
    app.command()(clean)
    app.command()(conflicts)
    app.command(name="blind-spots")(blind_spots)


def query(
    sql: Annotated[str, typer.Argument(help="one SELECT over what is published")],
    snapshot: Annotated[str | None, typer.Option(help="read a publish of the past")] = None,
    limit: Annotated[int, typer.Option(min=1, help="rows shown (JSON: rows returned)")] = 1000,
    json: JsonFlag = False,
) -> None:
    """Ask the published lakehouse, read-only."""
    _print(_read(sql, snapshot), limit, json)


def tables(json: JsonFlag = False) -> None:
    """List the published tables with their rows."""
    from lakehouse.connect.settings import Settings
    from lakehouse.query import open_reader

    with open_reader(Settings()) as reader:
        names = reader.tables()
        rows = [{"table": n, "rows": reader.arrow(f"select count(*) as n from {n}")["n"][0].as_py()} for n in names]
    if json:
        print_json(rows)
        return
    shown = Table("table", "rows", title="main")
    for row in rows:
        shown.add_row(row["table"], f"{row['rows']:,}")
    out.print(shown)


def history(
    table: Annotated[str, typer.Argument(help="DEPT.RESOURCE or a mart, such as population.dim_person")],
    branch: Annotated[str, typer.Option(help="branch to look at")] = "main",
    json: JsonFlag = False,
) -> None:
    """List the snapshots of one table: when, what, which batch, how many rows."""
    from lakehouse.connect.settings import Settings
    from lakehouse.tables import history as snapshots_of

    found = snapshots_of(Settings(), table.replace("/", "."), branch)
    if not found:
        raise UserError(f"no table {table!r} on {branch}", hint="citybrain tables lists them")
    _print_rows([_plain(snapshot) for snapshot in found], json)


def branches(json: JsonFlag = False) -> None:
    """List the branches: open, blocked (with the reason), published."""
    from lakehouse.branches import list_branches
    from lakehouse.connect.settings import Settings

    _print_rows([_plain(branch) for branch in list_branches(Settings())], json)


def verify(
    deep: Annotated[bool, typer.Option(help="also read every data file")] = False, json: JsonFlag = False
) -> None:
    """Walk catalog, metadata, manifests and files; exit 1 when something is missing or wrong."""
    from lakehouse.connect.settings import Settings
    from lakehouse.tables import verify as verify_lakehouse

    report = verify_lakehouse(Settings(), deep=deep)
    facts = _plain(report)
    if json:
        print_json(facts)
    else:
        for name, value in facts.items():
            out.print(f"{name}: {value}")
    raise typer.Exit(0 if report.ok else 1)


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list what would go")] = False,
    older_than: Annotated[
        float, typer.Option(min=1.0, help="hours since a file was written; a writer may still need a younger one")
    ] = 24.0,
    json: JsonFlag = False,
) -> None:
    """Remove files in the warehouse that no branch and no kept publish needs; landing/ is never touched."""
    from lakehouse.connect.kept_files import FilesInUse
    from lakehouse.connect.settings import Settings
    from lakehouse.tables import find_orphans, remove_orphans
    from lakehouse.tables import verify as verify_lakehouse

    settings, age = Settings(), older_than * 3600
    if not dry_run and not verify_lakehouse(settings).ok:
        raise UserError("the lakehouse is not whole, and nothing was removed", hint="citybrain verify names the faults")
    try:
        found = (find_orphans if dry_run else remove_orphans)(settings, minimum_age_seconds=age)
    except FilesInUse as busy:
        raise UserError(str(busy)) from busy
    facts = {"removed": not dry_run, "files": len(found), "bytes": sum(file.bytes for file in found)}
    if json:
        print_json({**facts, "paths": [file.path for file in found]})
        return
    for file in found:
        out.print(file.path, highlight=False)
    out.print(f"{facts['files']} files, {facts['bytes']:,} bytes {'would go' if dry_run else 'removed'}")


def conflicts(json: JsonFlag = False) -> None:
    """Report facts on which departments contradict each other (数据打架)."""
    _print(_read(CONFLICTS, None), 1000, json)


def blind_spots(json: JsonFlag = False) -> None:
    """Report entities that one department knows and another should, but does not (数据盲区)."""
    _print(_read(BLIND_SPOTS, None), 1000, json)


def _read(sql: str, snapshot: str | None) -> pa.Table:
    from lakehouse.connect.settings import Settings
    from lakehouse.query import QueryError, open_sql

    try:
        with open_sql(Settings(), snapshot) as reader:
            return reader.arrow(sql)
    except QueryError as error:
        raise UserError(str(error), hint="citybrain tables lists what can be read") from error


def _print(found: pa.Table, limit: int, json: bool) -> None:
    rows: list[dict[str, Any]] = found.slice(0, limit).to_pylist()
    if json:
        print_json(rows)
        return
    shown = Table(*found.column_names)
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(shown)
    if found.num_rows > limit:
        err.print(f"[dim]{found.num_rows:,} rows, {limit:,} shown: --limit[/]")


def _print_rows(rows: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("none")
        return
    shown = Table(*rows[0])
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(shown)


def _plain(value: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(value)
