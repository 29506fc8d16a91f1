"""A Spark for jobs that are small and run once: what compilers and checks of classes cost there is never earned back."""

from __future__ import annotations

from pathlib import Path

JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    " -XX:+UseSerialGC -XX:MetaspaceSize=192M"
)


def short_lived(folder: Path) -> Path:
    """Write the properties of such a Spark into a folder and return the file."""
    properties = folder / "spark.properties"
    properties.write_text(f"spark.driver.defaultJavaOptions {JAVA_OPTIONS}\n", encoding="utf-8")
    return properties
