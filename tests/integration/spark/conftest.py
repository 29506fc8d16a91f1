"""One local Spark for all tests of the jobs, small; skipped aloud where its parts are missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession
from short_spark import short_lived

from spark_jobs.errors import MissingPart
from spark_jobs.session import open_session
from spark_jobs.settings import SparkSettings
from tests.conftest import skip_aloud


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with two threads and one GiB."""
    properties = short_lived(tmp_path_factory.mktemp("spark"))
    wanted = SparkSettings(master="local[2]", driver_memory="1g", shuffle_partitions=2, properties=properties)
    try:
        with open_session("tests", wanted) as session:
            yield session
    except MissingPart as missing:
        skip_aloud(str(missing), missing.hint)
