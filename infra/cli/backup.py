"""``citybrain backup`` and ``citybrain restore``: a whole home into a folder, and back into an empty one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import EXIT_UNAVAILABLE, EXIT_WRONG_INPUT, UserError, err, out, print_json, progress_bar

if TYPE_CHECKING:
    from lakehouse.backup import RestoreReport, Store
    from lakehouse.connect.postgres_dump import Database
    from lakehouse.connect.settings import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="one JSON object on stdout")]
Show = Callable[[str, int, int], None]


def app_commands(app: typer.Typer) -> None:
    """Add ``backup`` and ``restore`` to the command line."""
    app.command()(backup)
    app.command()(restore)


def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="folder of backups; unchanged files are shared")],
    json: JsonFlag = False,
) -> None:
    """Back up this home: catalog store, objects, everything received. Exit 0 done, 1 failed, 2 wrong input."""
    from lakehouse.backup import back_up
    from lakehouse.connect.settings import Settings

    settings = Settings()
    with _errors(), _bars() as show:
        report = back_up(settings, _store(settings), destination, show)
    if json:
        print_json(asdict(report))
        return
    out.print(f"[green]已备份 backed up[/] {report.path}")
    out.print(
        f"{report.tables} tables, {report.rows:,} rows; {report.files:,} files, {_size(report.bytes)};"
        f" copied {report.copied_files:,} files, {_size(report.copied_bytes)}"
    )
    out.print(f"[dim]{report.seconds:.1f} s[/]")


def restore(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="a backup, or a folder of backups: then the newest")],
    check_only: Annotated[bool, typer.Option("--check-only", help="compare every checksum; restore nothing")] = False,
    json: JsonFlag = False,
) -> None:
    """Restore a backup into an empty home, and verify it. Exit 0 done and clean, 1 failed, 2 wrong input."""
    from lakehouse.backup import check_backup, find_backup
    from lakehouse.backup import restore as bring_back
    from lakehouse.connect.settings import Settings

    settings = Settings()
    with _errors(), _bars() as show:
        if check_only:
            folder = find_backup(source)
            manifest = check_backup(folder, show)
            facts = {"name": manifest.name, "path": str(folder), "files": len(manifest.files), "bytes": manifest.bytes}
        else:
            report = bring_back(settings, _store(settings), source, show)
            facts = {**asdict(report), "ok": report.ok}
    if json:
        print_json(facts)
    elif check_only:
        out.print(f"[green]完好 intact[/] {facts['path']}: {facts['files']:,} files, {_size(manifest.bytes)}")
    else:
        _show(report)
    raise typer.Exit(0 if facts.get("ok", True) else EXIT_UNAVAILABLE)


def _show(report: RestoreReport) -> None:
    out.print(f"[green]已恢复 restored[/] {report.name} into {report.home}")
    out.print(f"{report.tables} tables, {report.rows:,} rows; {report.files:,} files, {_size(report.bytes)}")
    for fault in report.faults:
        err.print(f"[bold red]不一致 wrong:[/] {fault}")
    out.print(f"[dim]{report.seconds:.1f} s[/]")


def _store(settings: Settings) -> Store:
    from lakehouse.backup import open_store

    nessie, register = _databases(settings) if settings.profile == "cluster" else (None, None)
    return open_store(settings, nessie, register)


def _databases(settings: Settings) -> tuple[Database | None, Database]:
    """Return Nessie's database and the register's: those of the home's own stack, else those that cluster.json names."""
    from infra.stack.places import StackPlaces
    from infra.stack.services.postgres import database_uri
    from infra.stack.settings import StackSettings
    from lakehouse.connect.cluster import cluster_settings
    from lakehouse.connect.postgres_dump import Database

    cluster, stack, programs = cluster_settings(settings), StackSettings.load(StackPlaces.of(settings)), _programs()
    nessie = database_uri(stack, "nessie") if stack else cluster.nessie_database_uri.get_secret_value()
    register = Database("register", cluster.database_uri.get_secret_value(), programs)
    return (Database("nessie", nessie, programs) if nessie else None), register


def _programs() -> Path:
    """Return the folder of pg_dump and pg_restore: the server's own, else the one on ``PATH``."""
    from infra.stack.prerequisites import MISSING_POSTGRES, postgres_bin

    folder, on_path = postgres_bin(), shutil.which("pg_dump")
    if folder is not None and (folder / "pg_dump").exists():
        return folder
    if on_path is None:
        raise UserError("this machine lacks pg_dump and pg_restore", hint=MISSING_POSTGRES.install)
    return Path(on_path).resolve().parent


@contextmanager
def _bars() -> Iterator[Show]:
    with progress_bar() as bar:
        bars: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = bar.add_task(stage, total=total)
            bar.update(bars[stage], completed=done, total=total)

        yield show


@contextmanager
def _errors() -> Iterator[None]:
    from lakehouse.backup import BackupFailed, WrongInput
    from lakehouse.connect.kept_files import FilesInUse

    try:
        yield
    except WrongInput as error:
        raise UserError(str(error), hint=error.hint, exit_code=EXIT_WRONG_INPUT) from error
    except BackupFailed as error:
        raise UserError(str(error), hint=error.hint, exit_code=EXIT_UNAVAILABLE) from error
    except FilesInUse as error:
        raise UserError(str(error), exit_code=EXIT_UNAVAILABLE) from error


def _size(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
