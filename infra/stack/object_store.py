"""What is asked of whichever S3 server the stack has."""

from __future__ import annotations

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error

from infra.host.ports import HOST
from infra.stack.service import CHECK_SECONDS, Unhealthy
from infra.stack.settings import StackSettings

_HELD = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def client(settings: StackSettings, user: str, password: str) -> Minio:
    """Return a client that gives up soon: whoever checks does not wait."""
    return Minio(
        f"{HOST}:{settings.ports.object_store}",
        access_key=user,
        secret_key=password,
        secure=False,
        region=settings.region,
        http_client=urllib3.PoolManager(timeout=CHECK_SECONDS, retries=False),
    )


def check_bucket(settings: StackSettings, user: str, password: str) -> None:
    """Ask for the product's bucket; it need not be there yet, but the server must answer with these credentials.

    Raises:
        Unhealthy: the server does not answer, or refuses.
    """
    try:
        client(settings, user, password).bucket_exists(settings.bucket)
    except S3Error as fault:
        raise Unhealthy(f"bucket {settings.bucket!r} was refused: {fault.code}: {fault.message}") from None
    except (InvalidResponseError, MinioException, urllib3.exceptions.HTTPError) as fault:
        raise Unhealthy(f"bucket {settings.bucket!r} cannot be reached: {fault}") from None


def make_bucket(settings: StackSettings, user: str, password: str) -> None:
    """Make the product's bucket where there is none."""
    store = client(settings, user, password)
    if store.bucket_exists(settings.bucket):
        return
    try:
        store.make_bucket(settings.bucket, location=settings.region)
    except S3Error as fault:
        if fault.code not in _HELD:
            raise
