"""Find the jars that Spark needs for Iceberg and S3; nothing is downloaded when a job runs."""

from __future__ import annotations

import os
from pathlib import Path

from spark_jobs.errors import MissingPart

CACHE_VARIABLE = "XDG_CACHE_HOME"
WANTED = ("iceberg-spark-runtime-4.1_2.13-*.jar", "iceberg-aws-bundle-*.jar")
NEWER_HADOOP = ("hadoop-client-api-3.[5-9]*.jar", "hadoop-client-runtime-3.[5-9]*.jar")
_HINT = "`citybrain stack up` fetches them once; or name their folder in CITYBRAIN_SPARK_JARS"


def find_jars(folder: Path | None = None) -> list[Path]:
    """Return the jars, from the folder that is named or from the cache that the stack fills.

    Raises:
        MissingPart: one is not there.
    """
    return _find(folder, WANTED, _HINT)


def newer_hadoop(folder: Path | None = None) -> list[Path]:
    """Return the jars of a Hadoop that runs without Java's security manager, as Java 24 and newer do.

    Raises:
        MissingPart: they are not there.
    """
    return _find(folder, NEWER_HADOOP, f"use a Java 17 to 23 (CITYBRAIN_SPARK_JAVA_HOME), or: {_HINT}")


def _find(folder: Path | None, patterns: tuple[str, ...], hint: str) -> list[Path]:
    places = [folder] if folder else sorted(_cache().glob("*spark*"))
    found = [max((jar for place in places for jar in place.glob(pattern)), default=None) for pattern in patterns]
    missing = [pattern for pattern, jar in zip(patterns, found, strict=True) if jar is None]
    if missing:
        where = ", ".join(map(str, places)) or str(_cache())
        raise MissingPart(f"Spark's jars are not in {where}: {', '.join(missing)}", hint=hint)
    return [jar for jar in found if jar is not None]


def _cache() -> Path:
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache") / "citybrain" / "stack"
