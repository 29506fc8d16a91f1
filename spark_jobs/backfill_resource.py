"""Take in years of history of one resource: typed and checked by its contract, with the verdicts of ingestion.

Files named ``<resource>_<data date>_<delivered at>`` are a batch each, in the order of delivery, with the batch ids that
ingestion would give them; files without times in their names are one batch together. Good rows go to the table on a
branch, the others to quarantine with row, reason and rule, and each batch has one outcome. What the branch holds already is
not read again, so running this twice is the same as once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame

from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.steps import INBOUND
from spark_jobs.backfill.deliveries import source_files
from spark_jobs.backfill.judging import Judge, judged, without_duplicates
from spark_jobs.backfill.taking_in import Backfill
from spark_jobs.job import parser, run_job
from spark_jobs.session import open_session


def transform(received: DataFrame, judge: Judge) -> DataFrame:
    """Return a verdict on every received record: its typed values, the rules that it breaks, key and raw form.

    ``received`` is as ``reading.received_schema`` says. ``_verdict`` is ``good``, ``quarantined``, ``identical`` (a copy of
    another record of the same delivery), or ``report`` for what is said about a file as a whole.
    """
    return without_duplicates(judged(received, judge), judge.contract)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Take in what is new below ``options.source``, and return the outcomes."""
    settings = Settings()
    inputs = load_inputs(checked=False, approved=settings.contracts)
    contract = inputs.named(options.resource)[0]
    files = source_files(options.source, settings)
    encoding = options.encoding or contract.gov.source.encoding or "utf-8"
    with open_session(f"backfill {contract.key}") as session:
        backfill = Backfill(session, settings, contract, inputs.vocabulary, options.source, files, encoding)
        outcomes = backfill.run(options.branch, transform)
    return {
        "job": "backfill_resource",
        "ok": any(outcome.status != "failed" for outcome in outcomes),
        "resource": contract.key,
        "branch": options.branch,
        **{
            name: sum(getattr(outcome, name) for outcome in outcomes)
            for name in ("received", "accepted", "quarantined", "deduplicated")
        },
        "batches": [outcome.to_json() for outcome in outcomes],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job from the command line."""
    arguments = parser("backfill_resource", (__doc__ or "").splitlines()[0])
    arguments.add_argument("resource", metavar="DEPT/RESOURCE", help="the contract, such as gaj/resident")
    arguments.add_argument(
        "source", metavar="PLACE", help="a file, a folder or an s3:// prefix of CSV, NDJSON or Parquet"
    )
    arguments.add_argument(
        "--branch", default=INBOUND, help=f"branch to write to (default: {INBOUND}, from which topics take)"
    )
    arguments.add_argument(
        "--encoding", choices=("utf-8", "gb18030"), help="of CSV files (default: that of the contract, else utf-8)"
    )
    return run_job(arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
