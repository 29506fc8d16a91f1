"""The one place that starts Spark: Java and jars found by looking, limits from the settings, nothing secret anywhere.

What is given to ``SparkSession.builder`` ends on the command line of the JVM, for everybody on the machine to read. So the
builder gets the name only, a file gets the settings, and credentials of catalogs are set in the running session alone.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from spark_jobs.errors import MissingPart
from spark_jobs.jars import find_jars, newer_hadoop
from spark_jobs.java import find_java, legacy_security_works
from spark_jobs.settings import SparkSettings

ARROW_ROWS = 50_000  # of one batch that goes to Python: large enough that planning a statement for it does not count
EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
# Netty, on which Arrow stands, turns itself away from direct memory on Java 25, and Arrow cannot do without.
_NEW_JAVA = "-Dio.netty.noUnsafe=false --sun-misc-unsafe-memory-access=allow"
_NAME_END = re.compile(r"\s*=\s*|\s+")  # in a properties file; a value may have either inside
_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex{1}
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.host.name = org.apache.spark.util.Utils
logger.host.level = error
logger.names.name = org.apache.iceberg.spark.Spark3Util
logger.names.level = error
logger.plans.name = org.apache.spark.util.SparkStringUtils
logger.plans.level = error
logger.order.name = org.apache.iceberg.spark.actions.SparkShufflingFileRewriteRunner
logger.order.level = error
"""


@contextmanager
def open_session(name: str, spark: SparkSettings | None = None) -> Iterator[SparkSession]:
    """Start Spark and stop it at the end; ``name`` is that of the job.

    Raises:
        MissingPart: Java or a jar is missing, or Spark does not start; the message says what to do.
    """
    spark = spark or SparkSettings()
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it says so whenever a connection ends
    with tempfile.TemporaryDirectory(prefix="citybrain-spark-") as folder:
        session = _start(name, spark, Path(folder))
        try:
            yield session
        finally:
            session.stop()


def _start(name: str, spark: SparkSettings, folder: Path) -> SparkSession:
    java = find_java(spark.java_home)
    properties = folder / "spark.properties"
    (folder / "log4j2.properties").write_text(_LOG4J, encoding="utf-8")
    settings = _settings(spark, legacy=legacy_security_works(java.version)) | _read(spark.properties)
    properties.write_text("".join(f"{key} {value}\n" for key, value in settings.items()), encoding="utf-8")
    wanted = {
        "JAVA_HOME": str(java.home),
        "SPARK_CONF_DIR": str(folder),
        "PYSPARK_SUBMIT_ARGS": f"--properties-file {properties} pyspark-shell",
        "PYSPARK_PYTHON": sys.executable,
    }
    with _environment(wanted):
        try:
            return SparkSession.builder.appName(name).getOrCreate()
        except (PySparkException, RuntimeError) as fault:
            raise MissingPart(
                f"Spark does not start with master {spark.master!r} and {java.home}",
                hint="what the JVM said stands above; see CITYBRAIN_SPARK_MASTER and CITYBRAIN_SPARK_JAVA_HOME",
            ) from fault


def _settings(spark: SparkSettings, *, legacy: bool) -> dict[str, str]:
    settings = {
        "spark.master": spark.master,
        "spark.driver.memory": spark.driver_memory,
        "spark.executor.memory": spark.executor_memory,
        "spark.jars": ",".join(map(str, find_jars(spark.jars))),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.redaction.regex": "(?i)secret|password|token|credential|access[.-]?key",
        "spark.sql.extensions": EXTENSIONS,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(ARROW_ROWS),
        "spark.sql.execution.pythonUDF.arrow.enabled": "true",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.python.daemon.module": "spark_jobs.worker_daemon",
    }
    if spark.master.startswith("local"):
        settings |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    if spark.shuffle_partitions:
        settings["spark.sql.shuffle.partitions"] = str(spark.shuffle_partitions)
    if not legacy:
        hadoop = ":".join(map(str, newer_hadoop(spark.jars)))
        settings |= {f"spark.{part}.extraClassPath": hadoop for part in ("driver", "executor")}
        settings |= {f"spark.{part}.extraJavaOptions": _NEW_JAVA for part in ("driver", "executor")}
    return settings


def _read(properties: Path | None) -> dict[str, str]:
    """Read a Spark properties file: a name, white space or ``=``, a value."""
    if properties is None:
        return {}
    try:
        lines = properties.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise MissingPart(f"{properties} cannot be read", hint="see CITYBRAIN_SPARK_PROPERTIES") from fault
    pairs = (_NAME_END.split(line.strip(), maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the JVM that is started inside, and put them back."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
