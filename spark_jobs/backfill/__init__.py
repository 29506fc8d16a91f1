"""The parts of ``spark_jobs.backfill_resource``."""
