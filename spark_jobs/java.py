"""Find a Java that Spark can run on, by looking at what is there."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.errors import MissingPart

OLDEST = 17  # Spark 4
# From 24 on Java has no security manager, which Hadoop before 3.5 still asks for the user.
FIRST_WITHOUT_SECURITY_MANAGER = 24
_FOLDERS = ("/usr/lib/jvm", "/usr/java", "/opt/java", "/opt/jdk", "/Library/Java/JavaVirtualMachines")
_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Java:
    """A Java and its feature version."""

    home: Path
    version: int


def find_java(wanted: Path | None = None) -> Java:
    """Return the Java to use: the wanted one, else the best of those that are found.

    Raises:
        MissingPart: there is none that Spark can run on.
    """
    if wanted is not None:
        java = _java(wanted)
        if java is None or java.version < OLDEST:
            raise MissingPart(
                f"{wanted} holds no Java {OLDEST} or newer", hint="set CITYBRAIN_SPARK_JAVA_HOME to another one"
            )
        return java
    found = [java for java in map(_java, _candidates()) if java is not None and java.version >= OLDEST]
    if not found:
        raise MissingPart(
            f"no Java {OLDEST} or newer was found in JAVA_HOME, on PATH or in {', '.join(_FOLDERS)}",
            hint="install one (apt-get install openjdk-17-jre-headless), or set CITYBRAIN_SPARK_JAVA_HOME",
        )
    return max(found, key=_preference)


def legacy_security_works(version: int) -> bool:
    """Tell whether the Hadoop that comes with Spark runs on a Java of this version."""
    return version < FIRST_WITHOUT_SECURITY_MANAGER


def _preference(java: Java) -> tuple[bool, int]:
    return legacy_security_works(java.version), java.version


def _candidates() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    homes += [Path(on_path).resolve().parent.parent] if on_path else []
    for folder in map(Path, _FOLDERS):
        homes += [home for below in sorted(folder.glob("*")) for home in (below, below / "Contents" / "Home")]
    return homes


def _java(home: Path) -> Java | None:
    """Read the version from the file ``release``, which every JDK and JRE has, without starting it."""
    if not (home / "bin" / "java").is_file():
        return None
    try:
        found = _VERSION.search((home / "release").read_text(encoding="utf-8"))
    except OSError:
        return None
    return Java(home, int(found[1])) if found else None
