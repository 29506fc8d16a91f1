"""One-time codes: each opens once, near its time, for its account; what is kept is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa

from catalog.access.accounts import CODES, MOST_FAILURES, AccountError, AccountStore, Actor, SignInRefused
from catalog.access.one_time_codes import CodeStore, qr_svg
from catalog.access.person import Post

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = bytes(range(32))


def at(**later: float) -> Actor:
    return Actor("lisi", NOW + timedelta(**later), "10.0.0.9")


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def accounts(address: str) -> Iterator[AccountStore]:
    store = AccountStore(address)
    for name in ("lisi", "wangwu"):
        store.add(name, name, "gaj", [Post.HEAD], at())
    yield store
    store.close()


@pytest.fixture
def codes(address: str, accounts: AccountStore) -> Iterator[CodeStore]:
    store = CodeStore(address, KEY)
    yield store
    store.close()


def code(secret: str, **later: float) -> str:
    return pyotp.TOTP(secret).at(NOW + timedelta(**later))


def test_a_code_opens_once_and_near_its_time(codes: CodeStore) -> None:
    secret = codes.begin("lisi")
    assert codes.begin("lisi") == secret
    assert "lisi" not in codes.enrolled()
    codes.confirm("lisi", code(secret), at())
    assert "lisi" in codes.enrolled()
    assert not codes.is_right("lisi", code(secret), at()), "the code of the enrolment was used"
    assert codes.is_right("lisi", code(secret, seconds=60), at(seconds=60))
    assert not codes.is_right("lisi", code(secret, seconds=60), at(seconds=61))
    assert not codes.is_right("lisi", code(secret, seconds=30), at(seconds=62)), "older than the last one"
    assert codes.is_right("lisi", code(secret, seconds=120), at(seconds=95)), "a clock that is fast by a step"
    assert not codes.is_right("lisi", code(secret, seconds=300), at(seconds=200))


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 10_000])
def test_what_is_no_code_opens_nothing(codes: CodeStore, typed: str) -> None:
    secret = codes.begin("lisi")
    with pytest.raises(AccountError, match="动态口令不正确"):
        codes.confirm("lisi", typed, at())
    codes.confirm("lisi", code(secret), at())
    assert not codes.is_right("lisi", typed, at(minutes=5))


def test_a_recovery_code_opens_once(codes: CodeStore) -> None:
    recovery = codes.confirm("lisi", code(codes.begin("lisi")), at())
    assert len(set(recovery)) == 10
    assert codes.is_right("lisi", recovery[0].upper(), at(seconds=1))
    assert not codes.is_right("lisi", recovery[0], at(seconds=2))
    assert codes.is_right("lisi", recovery[1], at(seconds=3))


def test_a_recovery_code_leaves_the_one_time_code_of_its_moment_to_be_used(codes: CodeStore) -> None:
    secret = codes.begin("lisi")
    recovery = codes.confirm("lisi", code(secret), at())
    assert codes.is_right("lisi", recovery[0], at(seconds=30))
    assert codes.is_right("lisi", code(secret, seconds=30), at(seconds=31))
    assert not codes.is_right("lisi", code(secret, seconds=30), at(seconds=32)), "and that once"
    assert codes.is_right("lisi", recovery[1], at(seconds=33))
    assert not codes.is_right("lisi", code(secret, seconds=30), at(seconds=34)), (
        "nor does a recovery code bring it back"
    )


def test_of_two_who_use_one_recovery_code_at_once_one_is_too_late(codes: CodeStore) -> None:
    recovery = codes.confirm("lisi", code(codes.begin("lisi")), at())
    with ThreadPoolExecutor(8) as many:
        opened = list(many.map(lambda _: codes.is_right("lisi", recovery[0], at(seconds=5)), range(16)))
    assert opened.count(True) == 1
    assert codes.is_right("lisi", recovery[1], at(seconds=6))


def test_codes_are_of_one_account(codes: CodeStore) -> None:
    mine, other = codes.begin("lisi"), codes.begin("wangwu")
    recovery = codes.confirm("lisi", code(mine), at())
    codes.confirm("wangwu", code(other), at())
    assert not codes.is_right("wangwu", recovery[0], at(minutes=1))
    assert not codes.is_right("wangwu", code(mine, minutes=1), at(minutes=1))
    assert not codes.is_right("nobody", code(mine, minutes=1), at(minutes=1))


def test_the_secret_is_sealed_with_the_key_of_the_home(codes: CodeStore, address: str, tmp_path: Path) -> None:
    secret = codes.begin("lisi")
    codes.confirm("lisi", code(secret), at())
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    other = CodeStore(address, bytes(32))
    with pytest.raises(AccountError, match="密钥文件"):
        other.is_right("lisi", code(secret, minutes=1), at(minutes=1))
    other.close()


def test_secrets_of_earlier_versions_open(codes: CodeStore, address: str) -> None:
    codes.begin("lisi")
    kept = "+/+++/+++/+++/++KSJoesTzC7s5RKxDi8zGAY0yzhu4+Kgm2eSr67lnHfVSCHXHf4swti1eWJJBqmAy"
    with sa.create_engine(address).begin() as db:
        db.execute(sa.update(CODES).values(sealed=kept))
    codes.confirm("lisi", code("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), at())
    assert "lisi" in codes.enrolled()


def test_taken_away_it_can_be_set_up_anew_with_another_secret(codes: CodeStore, accounts: AccountStore) -> None:
    secret = codes.begin("lisi")
    codes.confirm("lisi", code(secret), at())
    with pytest.raises(AccountError, match="已经启用"):
        codes.begin("lisi")
    accounts.remove_codes("lisi", at())
    assert codes.enrolled() == frozenset()
    assert codes.begin("lisi") != secret
    with pytest.raises(AccountError):
        accounts.remove_codes("wangwu", at())


def test_wrong_codes_close_the_account_even_between_right_passwords(codes: CodeStore, accounts: AccountStore) -> None:
    password = accounts.reset_password("lisi", Actor("sysadmin", NOW, ""))
    codes.confirm("lisi", code(codes.begin("lisi")), at())
    for turn in range(MOST_FAILURES):
        accounts.sign_in("lisi", password, at(seconds=turn))
        with pytest.raises(SignInRefused, match="不正确"):
            accounts.second_step("lisi", lambda: False, at(seconds=turn))
    with pytest.raises(SignInRefused, match="分钟"):
        accounts.sign_in("lisi", password, at(seconds=9))
    with pytest.raises(SignInRefused, match="分钟"):
        accounts.second_step("lisi", lambda: True, at(seconds=9))
    accounts.second_step("lisi", lambda: True, at(minutes=16))


def test_the_picture_is_svg() -> None:
    assert b"<svg" in qr_svg("lisi", pyotp.random_base32())
