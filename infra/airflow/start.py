"""Start one process of Airflow when the metadata database is as this version needs it.

The API server brings it there, in its own process, which has imported by then all that this takes; the others wait.
"""

from __future__ import annotations

import gc
import sys

MIGRATING = "api-server"
WAIT_SECONDS = 240
COLLECT_AFTER = 50_000  # new objects, where Python has 700: a loop of the scheduler makes many, few of them garbage


def main() -> None:
    """Run the component that the command line names, with its arguments."""
    from airflow.__main__ import main as airflow
    from airflow.utils import db

    if sys.argv[1] == MIGRATING:
        db.upgradedb()
    else:
        db.check_migrations(WAIT_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    airflow()


if __name__ == "__main__":
    main()
