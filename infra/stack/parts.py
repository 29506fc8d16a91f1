"""The programs that a stack is made of: pinned, checked, and kept in one cache that all homes share."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET  # reads our own file
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from infra.cli.output import UserError
from infra.stack import prerequisites as pre
from infra.stack.places import RECIPES
from infra.stack.prerequisites import Missing

MINIO_MODULE = "github.com/minio/minio"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
# A thousand short compilers: without debugging tables, and with no collection of garbage below 2 GiB, a sixth faster.
BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOGC": "off", "GOMEMLIMIT": "2GiB"}
BUILD_OPTIONS = ("-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w")
TRINO_PLUGINS = (
    "geospatial",
    "iceberg",
    "memory",
    "opa",
    "openlineage",
    "password-authenticators",
    "postgresql",
    "spooling-filesystem",
    "tpcds",
    "tpch",
)
PINNED = ("trino.version", "nessie.version", "iceberg.version", "hadoop.version", "spark.line")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pins:
    """The versions in ``pom.xml``."""

    trino: str
    nessie: str
    iceberg: str
    hadoop: str
    spark_line: str

    @classmethod
    def read(cls, pom: Path = RECIPES / "pom.xml") -> Pins:
        """Return the versions that the Maven file pins."""
        space = {"m": "http://maven.apache.org/POM/4.0.0"}
        root = ET.parse(pom).getroot()  # noqa: S314
        found = {name: root.findtext(f"m:properties/m:{name}", namespaces=space) or "" for name in PINNED}
        return cls(*found.values())


def cache_folder() -> Path:
    """Return the cache that all homes of this user share."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "citybrain" / "stack"


class Parts:
    """Where each program is; what is missing; and how it comes."""

    def __init__(self, cache: Path | None = None, pins: Pins | None = None) -> None:
        self.cache = cache or cache_folder()
        self.pins = pins or Pins.read()

    @property
    def trino(self) -> Path:
        """The folder of Trino's server, with the plugins that are needed."""
        return self.cache / f"trino-{self.pins.trino}"

    @property
    def nessie(self) -> Path:
        """Nessie's server, one jar."""
        return self.cache / f"nessie-{self.pins.nessie}" / f"nessie-quarkus-{self.pins.nessie}-runner.jar"

    @property
    def spark_jars(self) -> list[Path]:
        """What Spark needs on its class path for Iceberg on S3, and the Hadoop it needs on Java 24 and newer."""
        folder = self.cache / f"iceberg-spark-{self.pins.spark_line}-{self.pins.iceberg}"
        return [
            folder / f"iceberg-spark-runtime-{self.pins.spark_line}-{self.pins.iceberg}.jar",
            folder / f"iceberg-aws-bundle-{self.pins.iceberg}.jar",
            folder / f"hadoop-client-api-{self.pins.hadoop}.jar",
            folder / f"hadoop-client-runtime-{self.pins.hadoop}.jar",
        ]

    @property
    def minio(self) -> Path:
        """MinIO's program: the pinned build in the cache, else the one on PATH."""
        built = self.cache / f"minio-{MINIO_VERSION.rsplit('-', 1)[-1]}" / "minio"
        on_path = shutil.which("minio")
        return Path(on_path) if on_path and not built.exists() else built

    @property
    def weed(self) -> Path | None:
        """SeaweedFS's program: of this Python environment, else the one on PATH."""
        beside = Path(sys.executable).with_name("weed")
        on_path = shutil.which("weed")
        return beside if beside.exists() else Path(on_path) if on_path else None

    @property
    def java(self) -> Path:
        """The Java program that runs the servers."""
        home = pre.java_home()
        if home is None:
            raise UserError(f"{pre.MISSING_JAVA.what} is missing", hint=pre.MISSING_JAVA.install)
        return home / "bin" / "java"

    @property
    def postgres_bin(self) -> Path:
        """The folder with PostgreSQL's programs."""
        folder = pre.postgres_bin()
        if folder is None:
            raise UserError(f"{pre.MISSING_POSTGRES.what} is missing", hint=pre.MISSING_POSTGRES.install)
        return folder

    def missing(self, services: Iterable[str]) -> list[Missing]:
        """Return everything that these services need and that is neither here nor can be fetched."""
        wanted = set(services)
        lacks: list[Missing] = []
        if wanted & {"postgres"} and pre.postgres_bin() is None:
            lacks.append(pre.MISSING_POSTGRES)
        if wanted & {"nessie", "trino"} and pre.java_home() is None:
            lacks.append(pre.MISSING_JAVA)
        if self._lacks_java_parts(wanted) and pre.maven() is None:
            lacks.append(pre.MISSING_MAVEN)
        if "minio" in wanted and not self.minio.exists() and pre.go() is None:
            lacks.append(pre.MISSING_GO)
        if "seaweedfs" in wanted and self.weed is None:
            lacks.append(pre.MISSING_WEED)
        return lacks

    def fetch(self, services: Iterable[str], say: Say) -> None:
        """Bring what these services need into the cache, all at the same time; does nothing when it is there.

        Raises:
            UserError: a part could not be fetched or is not what it should be.
        """
        wanted = set(services)
        jobs: list[Callable[[], None]] = []
        if self._lacks_java_parts(wanted):
            jobs.append(lambda: self._fetch_java_parts(say))
        if "minio" in wanted and not self.minio.exists():
            jobs.append(lambda: self._build_minio(say))
        if not jobs:
            return
        self.cache.mkdir(parents=True, exist_ok=True)
        with FileLock(self.cache / "fetch.lock"), ThreadPoolExecutor(len(jobs)) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    def _lacks_java_parts(self, wanted: set[str]) -> bool:
        return bool(wanted & {"nessie", "trino"}) and not all(
            part.exists() for part in (self.trino, self.nessie, *self.spark_jars)
        )

    def _fetch_java_parts(self, say: Say) -> None:
        if not self._lacks_java_parts({"nessie", "trino"}):
            return  # another process fetched them while we waited for the lock
        say("fetching Trino, Nessie and Spark's Iceberg with Maven (about 1.2 GB, once)")
        with tempfile.TemporaryDirectory(dir=self.cache, prefix="fetching-") as name:
            folder = Path(name)
            _run(
                [
                    pre.maven() or "mvn", "--batch-mode", "--strict-checksums", "--no-transfer-progress",
                    "--file", str(RECIPES / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={folder}",
                ],
                "Maven",
                self.cache / "maven.log",
            )  # fmt: skip
            verify(folder, RECIPES / "checksums.sha256")
            for jar in (self.nessie, *self.spark_jars):
                jar.parent.mkdir(exist_ok=True)
                (folder / jar.name).replace(jar)
            if not self.trino.exists():
                say("unpacking Trino")
                self._unpack_trino(folder)

    def _unpack_trino(self, folder: Path) -> None:
        """Unpack the server and only those plugins that are needed; files that plugins share are links in the archive."""
        archive = folder / f"trino-server-{self.pins.trino}.tar.gz"
        _run(["tar", "-xzf", str(archive), "-C", str(folder)], "tar", self.cache / "unpack.log")
        server = folder / f"trino-server-{self.pins.trino}"
        for plugin in (server / "plugin").iterdir():
            if plugin.name not in TRINO_PLUGINS:
                shutil.rmtree(plugin)
        lacking = [name for name in TRINO_PLUGINS if not (server / "plugin" / name).is_dir()]
        if lacking:
            raise UserError(
                f"Trino {self.pins.trino} has no plugin {', '.join(lacking)}", hint="see infra/stack/parts.py"
            )
        server.replace(self.trino)

    def _build_minio(self, say: Say) -> None:
        if self.minio.exists():
            return
        say("building MinIO with Go (2-3 minutes, once)")
        target = self.minio.parent
        with tempfile.TemporaryDirectory(dir=self.cache, prefix="building-") as folder:
            environment = {**os.environ, "GOBIN": folder, **BUILD_ENVIRONMENT}
            command = [pre.go() or "go", "install", *BUILD_OPTIONS, f"{MINIO_MODULE}@{MINIO_VERSION}"]
            _run(command, "go install", self.cache / "minio.log", environment)
            target.mkdir(exist_ok=True)
            (Path(folder) / "minio").replace(target / "minio")


def verify(folder: Path, checksums: Path) -> None:
    """Compare every file that the list names with its checksum.

    Raises:
        UserError: one is missing or different.
    """
    for line in checksums.read_text(encoding="utf-8").splitlines():
        expected, name = line.split()
        path = folder / name
        if not path.exists():
            raise UserError(f"{name} was not fetched", hint="pom.xml and checksums.sha256 name different versions")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise UserError(
                f"{name} is not what it should be (SHA-256 {found}, expected {expected})",
                hint="remove it from Maven's local repository and run it again; if it stays so, do not use it",
            )


def _run(command: list[str], what: str, log: Path, environment: dict[str, str] | None = None) -> None:
    with log.open("wb") as sink:
        done = subprocess.run(command, stdout=sink, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
        raise UserError(
            f"{what} failed (exit {done.returncode}); the end of {log}:\n{end}", hint="mend it and run it again"
        )
