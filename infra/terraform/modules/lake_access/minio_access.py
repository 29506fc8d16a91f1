"""Put, remove and check the policies and users of a MinIO server: the steps of ``minio.tf``.

``minio_access.py put-policy|remove-policy|put-user|remove-user`` take what they need from the environment;
``minio_access.py check`` reads the module's ``access`` output (``terraform output -json access``) from standard input
and names every difference between it and the server. Runs on its own: it needs the ``minio`` package and nothing else.

The secret keys are kept in one file of mode 0600, ``{user: {"secret_key", "generation"}}``. Every step may be repeated.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException

SECRET_BYTES = 30
TIMEOUT_SECONDS = 10
NOT_THERE = ("XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy")


class StepError(RuntimeError):
    """A step that could not be done; the message says why and what to do."""


def admin_client(environ: Mapping[str, str]) -> MinioAdmin:
    """Connect to ``MINIO_ENDPOINT`` with the AWS_… keys of the environment."""
    missing = [n for n in ("MINIO_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not environ.get(n)]
    if missing:
        raise StepError(f"{', '.join(missing)} missing from the environment")
    url = urlsplit(environ["MINIO_ENDPOINT"])
    if url.scheme not in ("http", "https") or not url.netloc:
        raise StepError(f"{environ['MINIO_ENDPOINT']!r} is no URL such as https://minio.example:9000")
    return MinioAdmin(
        endpoint=url.netloc,
        credentials=StaticProvider(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]),
        secure=url.scheme == "https",
        http_client=urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=urllib3.Retry(total=2, backoff_factor=0.3)),
    )


def put_policy(admin: MinioAdmin, environ: Mapping[str, str]) -> None:
    """Make or overwrite a policy."""
    admin.policy_add(environ["POLICY"], policy=json.loads(environ["DOCUMENT"]))


def remove_policy(admin: MinioAdmin, environ: Mapping[str, str]) -> None:
    """Remove a policy; one that is gone is fine."""
    _unless_gone(lambda: admin.policy_remove(environ["POLICY"]))


def put_user(admin: MinioAdmin, environ: Mapping[str, str]) -> None:
    """Make a user with one policy. A new generation gets a new secret key; the same one keeps its key."""
    name, generation = environ["USER_NAME"], int(environ["GENERATION"])
    with _kept_secrets(Path(environ["SECRETS_FILE"])) as kept:
        if kept.get(name, {}).get("generation") != generation:
            kept[name] = {"secret_key": secrets.token_urlsafe(SECRET_BYTES), "generation": generation}
        admin.user_add(name, kept[name]["secret_key"])
        admin.policy_set(environ["POLICY"], user=name)


def remove_user(admin: MinioAdmin, environ: Mapping[str, str]) -> None:
    """Remove a user, unless a later step has given it another policy or key."""
    name = environ["USER_NAME"]
    with _kept_secrets(Path(environ["SECRETS_FILE"])) as kept:
        if kept.get(name, {}).get("generation", int(environ["GENERATION"])) != int(environ["GENERATION"]):
            return
        if _policy_of(admin, name) not in (None, environ["POLICY"]):
            return
        _unless_gone(lambda: admin.user_remove(name))
        kept.pop(name, None)


def differences(admin: MinioAdmin, access: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what is otherwise on the server than in ``{user: {"policy", "document"}}``, one sentence each."""
    found = []
    for name, wanted in access.items():
        policy = _policy_of(admin, name)
        if policy is None:
            found.append(f"user {name} is missing or has no policy")
        elif policy != wanted["policy"]:
            found.append(f"user {name} has policy {policy} instead of {wanted['policy']}")
        held = _unless_gone(partial(admin.policy_info, wanted["policy"]))
        if held is None:
            found.append(f"policy {wanted['policy']} is missing")
        elif _canonical(json.loads(held)) != _canonical(json.loads(wanted["document"])):
            found.append(f"policy {wanted['policy']} was changed")
    return found


def _policy_of(admin: MinioAdmin, user: str) -> str | None:
    held = _unless_gone(lambda: admin.user_info(user))
    return None if held is None else json.loads(held).get("policyName") or None


def _unless_gone(ask: Callable[[], str]) -> str | None:
    try:
        return ask()
    except MinioAdminException as refusal:
        if any(code in str(refusal) for code in NOT_THERE):
            return None
        raise


def _canonical(document: Mapping[str, Any]) -> Any:
    """Return a policy without what means nothing: order, and one value against a list of one."""

    def as_set(value: Any) -> list[str]:
        return sorted([value] if isinstance(value, str) else value)

    def conditions(statement: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
        tests = (statement.get("Condition") or {}).items()
        return sorted((test, key, as_set(values)) for test, keys in tests for key, values in keys.items())

    return sorted(
        (s["Effect"], as_set(s["Action"]), as_set(s["Resource"]), conditions(s)) for s in document["Statement"]
    )


@contextmanager
def _kept_secrets(path: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Hold the file of secret keys; what is changed inside is written back whole, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError:
            raise StepError(f"{path} is no JSON; put it back from its copy, or remove it to get new keys") from None
        before = json.dumps(kept)
        yield kept
        if json.dumps(kept) == before:
            return
        fresh = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


STEPS: dict[str, Callable[[MinioAdmin, Mapping[str, str]], None]] = {
    "put-policy": put_policy,
    "remove-policy": remove_policy,
    "put-user": put_user,
    "remove-user": remove_user,
}


def main(arguments: list[str]) -> int:
    """Do one step; return the exit code."""
    try:
        if arguments == ["check"]:
            found = differences(admin_client(os.environ), json.load(sys.stdin))
            sys.stdout.write("".join(f"{line}\n" for line in found) or "users and policies are as applied\n")
            return 1 if found else 0
        if len(arguments) != 1 or arguments[0] not in STEPS:
            raise StepError(f"one of {', '.join([*STEPS, 'check'])} is needed")
        STEPS[arguments[0]](admin_client(os.environ), os.environ)
    except KeyError as missing:
        sys.stderr.write(f"{missing} is missing from the environment\n")
    except (StepError, OSError, MinioAdminException, urllib3.exceptions.HTTPError) as fault:
        sys.stderr.write(f"MinIO at {os.environ.get('MINIO_ENDPOINT')}: {fault}\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
