"""The parts of ``spark_jobs.resolve_entities``."""
