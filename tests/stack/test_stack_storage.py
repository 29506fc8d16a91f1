"""The object store is an endpoint and nothing more: the same tests pass on MinIO and on SeaweedFS."""

from __future__ import annotations

import io
import secrets
import shutil
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pytest
import urllib3
from minio import Minio
from minio.error import S3Error
from pyiceberg.catalog.rest import RestCatalog
from running_stack import new_home, quick_stack_up, refuse_missing, stack_home

from infra.stack.control import stack_down
from infra.stack.places import StackPlaces
from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.duck_cluster import read_objects
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.stack

MIB = 2**20
PRECONDITION_FAILED = httpx.codes.PRECONDITION_FAILED


@pytest.fixture(scope="module", params=["minio", "seaweedfs"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """A home whose objects are kept by one of the servers, with a catalogue over it."""
    if request.param == "minio":
        yield Settings(home=stack_home(), profile="cluster")
        return
    needed = ("postgres", "seaweedfs", "nessie")
    refuse_missing(needed)
    places = StackPlaces(new_home("citybrain-seaweedfs-"))
    try:
        quick_stack_up(places, only=needed, object_store="seaweedfs")
        yield Settings(home=places.home, profile="cluster")
    finally:
        stack_down(places)
        shutil.rmtree(places.home)


@pytest.fixture(scope="module")
def cluster(settings: Settings) -> ClusterSettings:
    return cluster_settings(settings)


@pytest.fixture(scope="module")
def store(cluster: ClusterSettings) -> Minio:
    return _client(cluster, cluster.s3_secret_key.get_secret_value())


@pytest.fixture
def folder() -> str:
    """A folder of the bucket that no other test uses."""
    return f"storage-tests/{secrets.token_hex(6)}"


def _client(cluster: ClusterSettings, secret_key: str) -> Minio:
    return Minio(
        cluster.s3_endpoint.removeprefix("http://"),
        access_key=cluster.s3_access_key.get_secret_value(),
        secret_key=secret_key,
        secure=False,
        region=cluster.s3_region,
        http_client=urllib3.PoolManager(timeout=30, retries=False),
    )


def _put(store: Minio, bucket: str, name: str, data: bytes) -> None:
    store.put_object(bucket, name, io.BytesIO(data), len(data))


def _get(store: Minio, bucket: str, name: str, **part: int) -> bytes:
    answer = store.get_object(bucket, name, **part)
    try:
        return bytes(answer.read())
    finally:
        answer.close()
        answer.release_conn()


def _names(store: Minio, bucket: str, folder: str) -> list[str]:
    listed = store.list_objects(bucket, prefix=f"{folder}/", recursive=True)
    return sorted(str(found.object_name).removeprefix(f"{folder}/") for found in listed)


def test_an_object_comes_back_as_it_was_put(store: Minio, cluster: ClusterSettings, folder: str) -> None:
    name, data = f"{folder}/人口 数据=1/a+b.bin", secrets.token_bytes(70_000)

    _put(store, cluster.bucket, name, data)

    assert _get(store, cluster.bucket, name) == data
    assert store.stat_object(cluster.bucket, name).size == len(data)


def test_a_range_of_an_object_is_read_alone(store: Minio, cluster: ClusterSettings, folder: str) -> None:
    data = secrets.token_bytes(10_000)
    _put(store, cluster.bucket, f"{folder}/a", data)

    assert _get(store, cluster.bucket, f"{folder}/a", offset=4_000, length=17) == data[4_000:4_017]


def test_a_large_object_is_put_in_parts(store: Minio, cluster: ClusterSettings, folder: str) -> None:
    data = secrets.token_bytes(11 * MIB)

    written = store.put_object(cluster.bucket, f"{folder}/large", io.BytesIO(data), -1, part_size=5 * MIB)

    assert str(written.etag).strip('"').endswith("-3"), "it was not put in three parts"
    assert _get(store, cluster.bucket, f"{folder}/large") == data


def test_a_listing_holds_every_name_below_a_prefix_and_no_other(
    store: Minio, cluster: ClusterSettings, folder: str
) -> None:
    names = [f"{part}/{number:04}" for part in ("a", "b") for number in range(25)]
    for name in names:
        _put(store, cluster.bucket, f"{folder}/{name}", b"x")
    _put(store, cluster.bucket, f"{folder}x/a/0000", b"x")

    assert _names(store, cluster.bucket, folder) == names
    assert _names(store, cluster.bucket, f"{folder}/b") == [f"{number:04}" for number in range(25)]


def test_an_object_that_was_deleted_is_gone_and_deleting_it_again_is_no_error(
    store: Minio, cluster: ClusterSettings, folder: str
) -> None:
    _put(store, cluster.bucket, f"{folder}/a", b"x")

    for _ in range(2):
        store.remove_object(cluster.bucket, f"{folder}/a")

    with pytest.raises(S3Error, match="NoSuchKey"):
        _get(store, cluster.bucket, f"{folder}/a")
    assert _names(store, cluster.bucket, folder) == []


def test_a_put_that_must_not_replace_an_object_does_not(store: Minio, cluster: ClusterSettings, folder: str) -> None:
    assert _put_if_absent(store, cluster.bucket, f"{folder}/a", b"first") == httpx.codes.OK
    assert _put_if_absent(store, cluster.bucket, f"{folder}/a", b"second") == PRECONDITION_FAILED

    assert _get(store, cluster.bucket, f"{folder}/a") == b"first"


def test_a_wrong_secret_is_refused(store: Minio, cluster: ClusterSettings, folder: str) -> None:
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        _put(_client(cluster, "wrong"), cluster.bucket, f"{folder}/a", b"x")

    assert _names(store, cluster.bucket, folder) == []


def test_the_products_user_makes_no_buckets_and_reaches_no_other(store: Minio) -> None:
    with pytest.raises(S3Error, match="AccessDenied"):
        store.make_bucket(f"other-{secrets.token_hex(4)}")


def test_duckdb_writes_and_reads_parquet(settings: Settings, cluster: ClusterSettings, folder: str) -> None:
    with open_duckdb(settings=settings) as con:
        read_objects(con, cluster)
        for part in range(3):
            target = f"s3://{cluster.bucket}/{folder}/part-{part}.parquet"
            con.execute(f"copy (select range as id, {part} as part from range(20000)) to '{target}' (format parquet)")
        found = con.execute(
            f"select count(*), sum(id), count(distinct part) from 's3://{cluster.bucket}/{folder}/*.parquet'"
        ).fetchone()

    assert found == (60_000, 3 * sum(range(20_000)), 3)


def test_pyiceberg_commits_through_nessie(cluster: ClusterSettings) -> None:
    catalog, namespace = _catalog(cluster), f"storage_{secrets.token_hex(4)}"
    catalog.create_namespace(namespace)
    rows = pa.table({"id": pa.array(range(1_000), pa.int64()), "name": pa.array(["x"] * 1_000)})
    try:
        table = catalog.create_table((namespace, "persons"), schema=rows.schema)
        table.append(rows)
        table.append(rows)

        again = _catalog(cluster).load_table((namespace, "persons"))
        assert again.scan().to_arrow().num_rows == 2_000
        assert again.location().startswith(f"s3://{cluster.bucket}/warehouse/")
    finally:
        catalog.drop_table((namespace, "persons"))
        catalog.drop_namespace(namespace)


def _catalog(cluster: ClusterSettings) -> RestCatalog:
    return RestCatalog(
        "storage",
        uri=f"{cluster.nessie_uri}/iceberg/main",
        warehouse=cluster.warehouse,
        **{
            "s3.endpoint": cluster.s3_endpoint,
            "s3.region": cluster.s3_region,
            "s3.access-key-id": cluster.s3_access_key.get_secret_value(),
            "s3.secret-access-key": cluster.s3_secret_key.get_secret_value(),
        },
    )


def _put_if_absent(store: Minio, bucket: str, name: str, data: bytes) -> int:
    """Put an object only where there is none; return the status of the answer."""
    url = store.presigned_put_object(bucket, name)
    return httpx.put(url, content=data, headers={"If-None-Match": "*"}, trust_env=False).status_code
