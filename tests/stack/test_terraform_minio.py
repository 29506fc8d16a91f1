"""The dev environment really applied to a MinIO server: what exists, who may do what, no diff, change, destroy."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import S3Error
from minio.xml import marshal
from terraform_tool import Terraform, running_provider, tool_missing

from infra.host.ports import HOST, bindable
from infra.stack.parts import Parts

pytestmark = pytest.mark.stack

DEV = "environments/dev"
ADMIN = {"AWS_ACCESS_KEY_ID": "terraform-admin", "AWS_SECRET_ACCESS_KEY": "terraform-admin-key"}
NAME = "cb-test"
LAKE, LANDING = f"{NAME}-lake", f"{NAME}-landing"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MinIO server of this test's own, whose admin may make users."""
    program = Parts().minio
    if not program.exists():
        tool_missing("minio", "`citybrain stack up` builds it once")
    folder, port = tmp_path_factory.mktemp("minio"), bindable(0)
    names = {"MINIO_ROOT_USER": ADMIN["AWS_ACCESS_KEY_ID"], "MINIO_ROOT_PASSWORD": ADMIN["AWS_SECRET_ACCESS_KEY"]}
    command = [str(program), "server", "--quiet", "--address", f"{HOST}:{port}", str(folder / "data")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **names}, stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://{HOST}:{port}", folder / "log")
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(url: str, log: Path) -> None:
    patient = urllib3.Retry(total=60, backoff_factor=0.1, backoff_max=1, status_forcelist=[503])
    try:
        urllib3.PoolManager(timeout=5).request("GET", f"{url}/minio/health/ready", retries=patient)
    except urllib3.exceptions.HTTPError:
        pytest.fail(f"MinIO did not start: {log.read_text(errors='replace')}")


class Lake:
    """The applied environment."""

    def __init__(self, terraform: Terraform, server: str, secrets_file: Path) -> None:
        self.terraform, self.server, self.secrets_file = terraform, server, secrets_file
        self._env = {
            **ADMIN,
            "TF_VAR_s3_endpoint": server,
            "TF_VAR_name_prefix": NAME,
            "TF_VAR_secrets_file": str(secrets_file),
            "TF_VAR_python": sys.executable,
        }

    def run(self, *arguments: str, **variables: str) -> str:
        named = {f"TF_VAR_{name}": value for name, value in variables.items()}
        return self.terraform.run(DEV, *arguments, "-no-color", env={**self._env, **named}).stdout

    def apply(self, *arguments: str, **variables: str) -> str:
        """Apply what is planned, which the answer tells."""
        return self.run("apply", "-auto-approve", "-input=false", *arguments, **variables)

    def must_have_no_difference(self, **variables: str) -> None:
        self.run("plan", "-detailed-exitcode", "-input=false", **variables)

    def keys(self) -> dict[str, str]:
        kept = json.loads(self.secrets_file.read_text(encoding="utf-8"))
        return {name: entry["secret_key"] for name, entry in kept.items()}

    def client(self, role: str) -> Minio:
        user = f"{NAME}-{role}"
        return _client(self.server, user, self.keys()[user])

    def admin(self) -> Minio:
        return _client(self.server, *ADMIN.values())

    def check(self) -> subprocess.CompletedProcess[str]:
        script = self.terraform.root / "modules" / "lake_access" / "minio_access.py"
        access = self.terraform.run(DEV, "output", "-json", "access").stdout
        environ = {**os.environ, **ADMIN, "MINIO_ENDPOINT": self.server}
        command = [sys.executable, str(script), "check"]
        return subprocess.run(command, input=access, env=environ, capture_output=True, text=True, check=False)


def _client(server: str, user: str, key: str) -> Minio:
    return Minio(server.removeprefix("http://"), user, key, secure=False, region="us-east-1")


@pytest.fixture(scope="module")
def lake(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The dev environment, applied once."""
    folder = tmp_path_factory.mktemp("applied")
    with running_provider(ADMIN) as provider:
        terraform = Terraform(folder, attached=provider)
        terraform.init(DEV, "-input=false")
        made = Lake(terraform, server, folder / "keys" / "users.json")
        made.apply()
        yield made


def put(client: Minio, bucket: str, name: str, text: str = "x") -> str | None:
    data = text.encode()
    return client.put_object(bucket, name, io.BytesIO(data), len(data)).version_id


def refused(code: str = "AccessDenied") -> pytest.RaisesExc[S3Error]:
    return pytest.raises(S3Error, match=code)


def test_a_second_plan_has_no_difference(lake: Lake) -> None:
    lake.must_have_no_difference()


def test_buckets_are_versioned_and_have_their_lifecycle(lake: Lake) -> None:
    admin = lake.admin()
    assert {bucket.name for bucket in admin.list_buckets()} == {LAKE, LANDING, f"{NAME}-backup"}
    assert {admin.get_bucket_versioning(bucket).status for bucket in (LAKE, LANDING)} == {"Enabled"}
    rules = {rule.rule_id: rule for rule in admin.get_bucket_lifecycle(LANDING).rules}
    assert set(rules) == {"noncurrent-versions", "expire-landing"}
    assert rules["noncurrent-versions"].noncurrent_version_expiration.noncurrent_days == 7
    assert (rules["expire-landing"].rule_filter.prefix, rules["expire-landing"].expiration.days) == ("landing/", 90)


def test_a_reader_reads_tables_and_nothing_else(lake: Lake) -> None:
    put(lake.client("writer"), LAKE, "warehouse/t/a.parquet", "rows")
    reader = lake.client("reader")
    with reader.get_object(LAKE, "warehouse/t/a.parquet") as answer:
        assert answer.data == b"rows"
    assert [found.object_name for found in reader.list_objects(LAKE, recursive=True)] == ["warehouse/t/a.parquet"]
    for act in (
        lambda: put(reader, LAKE, "warehouse/t/b.parquet"),
        lambda: reader.remove_object(LAKE, "warehouse/t/a.parquet"),
        lambda: reader.remove_bucket(LAKE),
        lambda: list(reader.list_objects(LANDING)),
        lambda: reader.make_bucket("cb-test-other"),
    ):
        with refused():
            act()


def test_what_a_writer_deletes_can_be_brought_back(lake: Lake) -> None:
    writer = lake.client("writer")
    version = put(writer, LAKE, "warehouse/t/gone.parquet", "kept")
    writer.remove_object(LAKE, "warehouse/t/gone.parquet")
    with refused():
        writer.remove_object(LAKE, "warehouse/t/gone.parquet", version_id=version)
    with refused():
        writer.delete_bucket_lifecycle(LAKE)
    with lake.client("maintenance").get_object(LAKE, "warehouse/t/gone.parquet", version_id=version) as answer:
        assert answer.data == b"kept"


def test_maintenance_may_remove_an_old_version_of_the_lake_but_not_of_what_was_delivered(lake: Lake) -> None:
    maintenance = lake.client("maintenance")
    version = put(lake.client("writer"), LAKE, "warehouse/t/old.parquet")
    maintenance.remove_object(LAKE, "warehouse/t/old.parquet", version_id=version)
    delivered = put(lake.client("landing"), LANDING, "landing/gaj/person.csv")
    with refused():
        maintenance.remove_object(LANDING, "landing/gaj/person.csv", version_id=delivered)


def test_the_delivery_gateway_delivers_and_cannot_look(lake: Lake) -> None:
    gateway = lake.client("landing")
    put(gateway, LANDING, "landing/gaj/a.csv")
    for act in (
        lambda: gateway.get_object(LANDING, "landing/gaj/a.csv"),
        lambda: gateway.remove_object(LANDING, "landing/gaj/a.csv"),
        lambda: put(gateway, LAKE, "landing/gaj/a.csv"),
        lambda: list(gateway.list_objects(LANDING)),
    ):
        with refused():
            act()


def test_secret_keys_are_in_their_file_alone(lake: Lake) -> None:
    assert lake.secrets_file.stat().st_mode & 0o777 == 0o600
    everything = [path for path in (lake.terraform.root / DEV).rglob("*") if path.is_file() and "tfstate" in path.name]
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in everything)
    assert text
    assert not [name for name, key in lake.keys().items() if key in text]
    assert not [value for value in ADMIN.values() if value in text]


def test_what_was_changed_by_hand_is_told_and_put_back_while_a_changed_policy_takes_force(lake: Lake) -> None:
    """In one apply: each of them takes a quarter of a minute, whatever it has to do."""
    before = lake.keys()
    assert lake.check().returncode == 0
    list(lake.client("reader").list_objects(LAKE))
    provider = StaticProvider(*ADMIN.values())
    admin = MinioAdmin(endpoint=lake.server.removeprefix("http://"), credentials=provider, secure=False)
    admin.policy_set("readwrite", user=f"{NAME}-reader")
    lake.admin().delete_bucket_lifecycle(LANDING)
    told = lake.check()
    assert told.returncode == 1
    assert f"user {NAME}-reader has policy readwrite instead of" in told.stdout
    done = lake.apply('-replace=module.access.terraform_data.minio_user["reader"]', tls_only="true")
    assert "lifecycle_rule" in done
    assert lake.check().returncode == 0
    assert b"expire-landing" in marshal(lake.admin().get_bucket_lifecycle(LANDING))
    assert lake.keys() == before
    with refused():
        list(lake.client("reader").list_objects(LAKE))


def test_raising_the_generation_gives_new_keys(lake: Lake) -> None:
    old, before = lake.client("reader"), lake.keys()
    lake.apply(key_generation="2")
    assert not set(before.values()) & set(lake.keys().values())
    list(lake.client("reader").list_objects(LAKE))
    with refused("SignatureDoesNotMatch"):
        list(old.list_objects(LAKE))
    lake.must_have_no_difference(key_generation="2")


def test_a_server_that_does_not_answer_is_named(lake: Lake) -> None:
    script = lake.terraform.root / "modules" / "lake_access" / "minio_access.py"
    environ = {**os.environ, **ADMIN, "MINIO_ENDPOINT": "http://127.0.0.1:9", "POLICY": "p", "DOCUMENT": "{}"}
    command = [sys.executable, str(script), "put-policy"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("MinIO at http://127.0.0.1:9: ")
    assert "Traceback" not in done.stderr


def test_destroy_leaves_nothing(lake: Lake) -> None:
    lake.run("destroy", "-auto-approve", "-input=false", key_generation="2")
    assert lake.admin().list_buckets() == []
    assert lake.keys() == {}
    with refused("InvalidAccessKeyId"):
        list(_client(lake.server, f"{NAME}-reader", "x" * 40).list_objects(LAKE))


def test_production_state_is_kept_and_locked_in_a_bucket(server: str, tmp_path: Path) -> None:
    bucket, key, part = "cb-state", "citybrain/prod.tfstate", "environments/prod"
    admin = _client(server, *ADMIN.values())
    admin.make_bucket(bucket)
    terraform = Terraform(tmp_path)
    example = (terraform.root / part / "backend.example.hcl").read_text(encoding="utf-8")
    told = example.replace("https://minio.city.example:9000", server).replace("citybrain-state", bucket)
    without_kms = "encrypt = false\n"
    (terraform.root / part / "backend.hcl").write_text(told + without_kms, encoding="utf-8")
    terraform.init(part, "-input=false", "-backend-config=backend.hcl", env=ADMIN)

    terraform.run(part, "state", "push", str(_a_state(tmp_path)), env=ADMIN)
    with admin.get_object(bucket, key) as answer:
        assert json.loads(answer.data)["outputs"]["held"]["value"] == "1"

    put(admin, bucket, f"{key}.tflock", json.dumps({"ID": "1", "Who": "somebody else"}))
    locked = terraform.run(part, "state", "push", str(_a_state(tmp_path, serial=2)), fine=(1,), env=ADMIN)
    assert "Error acquiring the state lock" in locked.stderr


def _a_state(folder: Path, serial: int = 1) -> Path:
    file = folder / f"{serial}.tfstate"
    state = {"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": "cb-test-lineage"}
    outputs = {"held": {"value": str(serial), "type": "string"}}
    file.write_text(json.dumps({**state, "outputs": outputs, "resources": [], "check_results": None}), encoding="utf-8")
    return file
