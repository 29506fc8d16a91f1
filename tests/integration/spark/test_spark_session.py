"""What a properties file says reaches Spark as it stands there."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from short_spark import JAVA_OPTIONS

pytestmark = pytest.mark.integration


def test_a_value_may_have_an_equals_sign_inside(spark: SparkSession) -> None:
    assert spark.conf.get("spark.driver.defaultJavaOptions") == JAVA_OPTIONS
