"""The parts of ``spark_jobs.rollup_readings``."""
