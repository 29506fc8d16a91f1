"""MinIO: the object store."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin

from infra.host.accounts import own
from infra.host.files import write_private
from infra.host.http import local_http
from infra.host.ports import HOST
from infra.stack.object_store import check_bucket, make_bucket
from infra.stack.service import CHECK_SECONDS, Launch, StackService, Unhealthy, plain_environment

POLICY = "citybrain"


class MinioStore(StackService):
    """MinIO on one folder; the product has a user of its own, which may do everything in its bucket and nothing else."""

    name = "minio"
    title = "MinIO"

    @property
    def ports(self) -> Mapping[str, int]:
        return {"s3": self.settings.ports.object_store}

    def prepare(self) -> None:
        own(self.folder, None)
        (self.folder / "data").mkdir(exist_ok=True)
        lines = {
            "MINIO_ROOT_USER": self.settings.secrets.object_store_root_user,
            "MINIO_ROOT_PASSWORD": self.settings.secrets.object_store_root_password,
            "MINIO_REGION": self.settings.region,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_SCANNER_SPEED": "slowest",
        }
        write_private(self.folder / "minio.env", "".join(f'export {name}="{value}"\n' for name, value in lines.items()))

    def launch(self) -> Launch:
        address = f"{HOST}:{self.settings.ports.object_store}"
        command = [str(self.parts.minio), "server", "--quiet", "--address", address, str(self.folder / "data")]
        environment = {
            **plain_environment(self.folder),
            "MINIO_CONFIG_ENV_FILE": str(self.folder / "minio.env"),
            "GOMEMLIMIT": "400MiB",
            "GOGC": "50",
        }
        return Launch(command, environment)

    def check(self) -> None:
        url = f"http://{HOST}:{self.settings.ports.object_store}/minio/health/live"
        try:
            answer = local_http().get(url, timeout=CHECK_SECONDS)
        except httpx.HTTPError as fault:
            raise Unhealthy(f"{url}: {fault or type(fault).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise Unhealthy(f"{url} answered {answer.status_code}")
        secrets = self.settings.secrets
        check_bucket(self.settings, secrets.object_store_root_user, secrets.object_store_root_password)

    def furnish(self) -> None:
        """Make the bucket, and the product's own user."""
        secrets = self.settings.secrets
        make_bucket(self.settings, secrets.object_store_root_user, secrets.object_store_root_password)
        admin = MinioAdmin(
            endpoint=f"{HOST}:{self.settings.ports.object_store}",
            credentials=StaticProvider(secrets.object_store_root_user, secrets.object_store_root_password),
            region=self.settings.region,
            secure=False,
        )
        admin.policy_add(POLICY, policy=_policy(self.settings.bucket))
        admin.user_add(secrets.s3_access_key, secrets.s3_secret_key)
        if POLICY not in json.loads(admin.user_info(secrets.s3_access_key)).get("policyName", ""):
            admin.policy_set(POLICY, user=secrets.s3_access_key)


def _policy(bucket: str) -> dict[str, object]:
    here = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": here}]}
