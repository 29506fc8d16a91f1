"""What Spark forks its Python workers from: everything that our jobs' workers import is there before the first of them.

By Spark's own daemon every worker imports it again, which takes longer than the work on a small partition. And Spark
puts its archives of PySpark before the installed package; Python then reads their directories anew for every task.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from importlib.util import find_spec

IMPORTED = ("pandas", "pyarrow.dataset", "spark_jobs.backfill.judging", "spark_jobs.entities.rowwise")


def without_archives() -> None:
    """Take Spark's archives off the path where PySpark is installed as well."""
    before = list(sys.path)
    sys.path[:] = [entry for entry in before if not entry.endswith(".zip")]
    if find_spec("pyspark") is None or find_spec("py4j") is None:
        sys.path[:] = before
        return
    for entry in set(before) - set(sys.path):
        sys.path_importer_cache.pop(entry, None)


def import_all() -> None:
    """Import what workers import."""
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a worker would touch, and so copy, every page that is shared with this process


if __name__ == "__main__":
    without_archives()
    import_all()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call]
