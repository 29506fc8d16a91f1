"""What the Java servers share: their configuration files, and JVM options."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}


def properties(values: Mapping[str, str]) -> str:
    """Return values as a Java properties file.

    Raises:
        ValueError: a value would need escaping, which none of ours does.
    """
    for name, value in values.items():
        if "\n" in value or "\\" in value or value != value.strip():
            raise ValueError(f"{name} cannot be written as a property")
    return "".join(f"{name}={value}\n" for name, value in values.items())


def heap_bytes(heap: str) -> int:
    """Return the size of a heap as ``-Xmx`` takes it: a number with k, m, g or t, in bytes without."""
    unit = heap[-1:].lower()
    return int(heap[:-1]) << UNITS[unit] if unit in UNITS else int(heap)


def client_jvm(heap: str) -> list[str]:
    """Return the options of a small server: one collector thread, memory given back when idle."""
    return [
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:TieredStopAtLevel=4",
        "-XX:MetaspaceSize=128M",
        "-Dfile.encoding=UTF-8",
    ]


def class_archive(beside: Path, options: Sequence[str]) -> list[str]:
    """Return the options by which a server keeps its classes, parsed, beside its program: a third less to start it again.

    A Java that stops in order writes them when there are none, or none of this program and version. One with other
    ``options`` could refuse them and would not write others in their place, so the name of the file tells the options.
    """
    name = f"classes-{hashlib.sha256(chr(10).join(options).encode()).hexdigest()[:8]}.jsa"
    return [
        "-XX:+AutoCreateSharedArchive",
        f"-XX:SharedArchiveFile={beside / name}",
        "-Xlog:cds=error",
        "-Xlog:cds+dynamic=error",
    ]
