"""Where Spark runs and what it may take, from the environment (prefix ``CITYBRAIN_SPARK_``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SparkSettings(BaseSettings):
    """Settings of the Spark jobs. None of them is secret; secrets never leave the driver's memory."""

    model_config = SettingsConfigDict(env_prefix="CITYBRAIN_SPARK_", frozen=True)

    master: str = Field(default="local[*]", description="local[*], spark://host:7077 or k8s://https://host:6443")
    driver_memory: str = Field(
        default="2g", description="heap of the driver, which is all of Spark with a local master"
    )
    executor_memory: str = Field(default="4g", description="heap of one executor; not used with a local master")
    shuffle_partitions: int = Field(default=0, ge=0, description="parts of a shuffle; 0 leaves the number to Spark")
    jars: Path | None = Field(default=None, description="folder of the Iceberg jars; else the cache of the stack")
    java_home: Path | None = Field(default=None, description="a Java 17 to 23; else the newest of these that is found")
    properties: Path | None = Field(
        default=None, description="a Spark properties file with more, such as spark.kubernetes.* (nothing secret)"
    )
