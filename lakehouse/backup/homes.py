"""What of a home cannot be made again, and so belongs into a backup: everything but what is named here."""

from __future__ import annotations

from pathlib import Path

from lakehouse.backup.copying import Origin, listed
from lakehouse.backup.errors import WrongInput
from lakehouse.backup.manifest import HOME
from lakehouse.connect.kept_files import LOCK_FILE
from lakehouse.connect.settings import Settings

_SQLITE = b"SQLite format 3\x00"
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
# Servers, with the addresses and passwords of their own machine; what is made again by whoever needs it; what Airflow
# and the demo keep for themselves; a sample city, which stands for what departments hold.
_NOT_KEPT = frozenset(
    {"stack", "cluster.json", "logs", "extensions", "tmp", "dbt-cache", "airflow", "demo", "sample-city", LOCK_FILE}
)
# Of a run: the report. Its build database and logs are made again.
_REPORTS = (".md", ".json")


def pending_outcomes(settings: Settings) -> list[Origin]:
    """List the outcomes that no topic has published yet; they belong to one moment with the catalog store."""
    return listed(settings.outcomes, _below(settings, settings.outcomes))


def home_files(settings: Settings) -> list[Origin]:
    """List what else a home holds, without databases."""
    found: list[Origin] = []
    for entry in _entries(settings):
        if entry == settings.runs:
            found += [file for run in sorted(_folders(entry)) for file in _reports(settings, run)]
        elif entry.is_dir():
            found += listed(entry, _below(settings, entry))
        elif not _is_database(entry) and not entry.name.endswith(_BESIDE_SQLITE):
            status = entry.stat()
            found.append(Origin(_below(settings, entry), str(entry), status.st_size, status.st_mtime))
    return found


def home_databases(settings: Settings) -> list[Path]:
    """List the SQLite databases of a home, which others may be writing to."""
    return [entry for entry in _entries(settings) if entry.is_file() and _is_database(entry)]


def refuse_used_home(settings: Settings) -> None:
    """Refuse a home that already has what a backup would bring.

    Raises:
        WrongInput: it has.
    """
    present = _names(settings) - _NOT_KEPT - {settings.restoring.name}
    if present:
        names = ", ".join(sorted(present)[:5]) + (" …" if len(present) > 5 else "")
        raise WrongInput(
            f"目标不为空 {settings.root} is not empty: {names}",
            "restore into an empty home: CITYBRAIN_HOME=DIR citybrain restore …, or move these aside",
        )


def _entries(settings: Settings) -> list[Path]:
    store = {settings.warehouse.name, settings.catalog_db.name}
    store |= {settings.catalog_db.name + ending for ending in _BESIDE_SQLITE}
    return [settings.root / name for name in sorted(_names(settings) - _NOT_KEPT - store)]


def _names(settings: Settings) -> set[str]:
    return {entry.name for entry in settings.root.iterdir()} if settings.root.is_dir() else set()


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if entry.is_dir()]


def _reports(settings: Settings, run: Path) -> list[Origin]:
    files = [entry for entry in sorted(run.iterdir()) if entry.is_file() and entry.suffix in _REPORTS]
    return [Origin(_below(settings, f), str(f), f.stat().st_size, f.stat().st_mtime) for f in files]


def _below(settings: Settings, path: Path) -> str:
    return f"{HOME}/{path.relative_to(settings.root)}"


def _is_database(file: Path) -> bool:
    with file.open("rb") as head:
        return head.read(len(_SQLITE)) == _SQLITE
