"""Accounts, lockout and sessions through their stores, on a database of their own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.accounts import (
    ACCOUNTS,
    EVENTS,
    AccountError,
    AccountStore,
    Actor,
    OvertakenAccount,
    SignInRefused,
)
from catalog.access.lockout import MOST_FAILURES, WINDOW, locked_until
from catalog.access.passwords import faulty_password, generated_password, hashed, is_right
from catalog.access.person import BUREAU, Post
from catalog.access.sessions import IDLE, LONGEST, SessionStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GOOD = "Longjing-Tea-2026"


def at(**later: float) -> Actor:
    return Actor("sysadmin", NOW + timedelta(**later), "10.0.0.9")


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def accounts(address: str) -> Iterator[AccountStore]:
    store = AccountStore(address)
    first = store.add("lisi", "李四", "gaj", [Post.CATALOGUER], at())
    store.change_password("lisi", first, GOOD, at())
    yield store
    store.close()


@pytest.fixture
def sessions(address: str, accounts: AccountStore) -> Iterator[SessionStore]:
    store = SessionStore(address)
    yield store
    store.close()


def kinds(accounts: AccountStore, account: str) -> list[str]:
    with accounts.engine.connect() as db:
        return list(db.execute(sa.select(EVENTS.c.kind).where(EVENTS.c.account == account)).scalars())


def test_the_right_password_opens_and_no_other(accounts: AccountStore) -> None:
    assert accounts.sign_in("lisi", GOOD, at()).person.dept == "gaj"
    for account, password in (("lisi", GOOD + "x"), ("lisi", ""), ("nobody", GOOD), ("", ""), ("lisi", "x" * 100_000)):
        with pytest.raises(SignInRefused, match="账号或口令不正确"):
            accounts.sign_in(account, password, Actor(account, NOW, ""))


def test_no_password_is_kept(accounts: AccountStore, tmp_path: Path) -> None:
    accounts.sign_in("lisi", GOOD, at())
    with accounts.engine.connect() as db:
        (held,) = db.execute(sa.select(ACCOUNTS.c.password_hash)).scalars()
        events = str(list(db.execute(sa.select(EVENTS)).mappings()))
    assert held.startswith("$argon2id$")
    assert GOOD not in events
    assert all(GOOD.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_five_wrong_passwords_close_the_account_for_a_quarter_of_an_hour(accounts: AccountStore) -> None:
    for second in range(MOST_FAILURES):
        with pytest.raises(SignInRefused, match="不正确"):
            accounts.sign_in("lisi", "wrong", at(seconds=second))
    with pytest.raises(SignInRefused, match="15 分钟"):
        accounts.sign_in("lisi", GOOD, at(seconds=10))
    with pytest.raises(SignInRefused, match="1 分钟"):
        accounts.sign_in("lisi", GOOD, at(minutes=14, seconds=50))
    assert accounts.sign_in("lisi", GOOD, at(minutes=15, seconds=10))
    assert "locked" in kinds(accounts, "lisi")


def test_an_unknown_account_is_closed_just_as_well(accounts: AccountStore) -> None:
    for second in range(MOST_FAILURES):
        with pytest.raises(SignInRefused, match="不正确"):
            accounts.sign_in("ghost", "wrong", at(seconds=second))
    with pytest.raises(SignInRefused, match="15 分钟"):
        accounts.sign_in("ghost", "wrong", at(seconds=6))


def test_unlocking_opens_at_once(accounts: AccountStore) -> None:
    for second in range(MOST_FAILURES):
        with pytest.raises(SignInRefused):
            accounts.sign_in("lisi", "wrong", at(seconds=second))
    accounts.record("unlocked", "lisi", at(seconds=20))
    assert accounts.sign_in("lisi", GOOD, at(seconds=21))


def test_an_address_that_tries_many_accounts_is_closed(accounts: AccountStore) -> None:
    for number in range(30):
        with pytest.raises(SignInRefused):
            accounts.sign_in(f"user{number}", "wrong", at(seconds=number))
    with pytest.raises(SignInRefused, match="分钟"):
        accounts.sign_in("lisi", GOOD, at(seconds=40))
    assert accounts.sign_in("lisi", GOOD, Actor("lisi", NOW + timedelta(seconds=41), "10.0.0.10"))


@given(offsets=st.lists(st.integers(0, 3600), max_size=12), now=st.integers(0, 4000))
def test_lockout_by_its_law(offsets: list[int], now: int) -> None:
    moments, asked = [NOW + timedelta(seconds=s) for s in offsets], NOW + timedelta(seconds=now)
    until = locked_until(moments, asked)
    past = sorted(m for m in moments if m <= asked)
    runs = zip(past, past[MOST_FAILURES - 1 :], strict=False)
    assert until == max(
        (last + WINDOW for first, last in runs if last - first <= WINDOW and asked < last + WINDOW), default=None
    )


def test_a_disabled_account_stays_closed(accounts: AccountStore, sessions: SessionStore) -> None:
    token = sessions.open("lisi", at())
    accounts.disable("lisi", at())
    with pytest.raises(SignInRefused):
        accounts.sign_in("lisi", GOOD, at())
    assert sessions.find(token, NOW) is None
    accounts.disable("lisi", at(), is_disabled=False)
    assert accounts.sign_in("lisi", GOOD, at(seconds=1))


def test_a_reset_password_is_to_be_changed(accounts: AccountStore) -> None:
    generated = accounts.reset_password("lisi", at())
    assert accounts.sign_in("lisi", generated, at(seconds=1)).must_change
    with pytest.raises(AccountError, match="原口令"):
        accounts.change_password("lisi", GOOD, "Another-Tea-2026", at(seconds=2))
    accounts.change_password("lisi", generated, "Another-Tea-2026", at(seconds=3))
    assert not accounts.sign_in("lisi", "Another-Tea-2026", at(seconds=4)).must_change


@pytest.mark.parametrize("name", ["", "A", "Lisi", "1a", "a b", "a" * 41, "admin\n", "system", "<script>", "张三"])
def test_account_names_are_plain(accounts: AccountStore, name: str) -> None:
    with pytest.raises(AccountError):
        accounts.add(name, "某人", "gaj", [Post.HEAD], at())


def test_an_account_is_made_once_and_with_posts_that_go_together(accounts: AccountStore) -> None:
    with pytest.raises(AccountError, match="已经存在"):
        accounts.add("lisi", "另一人", "gaj", [Post.HEAD], at())
    with pytest.raises(AccountError, match="三员分立"):
        accounts.add("wangwu", "王五", BUREAU, [Post.SYSTEM_ADMIN, Post.AUDITOR], at())
    with pytest.raises(AccountError, match="大数据局"):
        accounts.set_posts("lisi", [Post.REVIEWER], at())
    accounts.set_posts("lisi", [Post.HEAD], at())
    assert accounts.find("lisi") is not None
    assert [account.posts for account in accounts.all()] == [frozenset({Post.HEAD})]


def test_what_happened_can_be_neither_changed_nor_removed(accounts: AccountStore) -> None:
    for statement in ("delete from account_event", "update account_event set kind = 'x'"):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), accounts.engine.begin() as db:
            db.execute(sa.text(statement))


@given(account=st.from_regex(r"[a-z][a-z0-9]{3,12}", fullmatch=True))
def test_generated_passwords_are_good_for_anybody(account: str) -> None:
    first, second = generated_password(), generated_password()
    assert first != second
    assert faulty_password(first, account) in ("", "口令不能包含账号名")


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("Sh0rt-one", "12 至"),
        ("alllowercaseletters", "三类"),
        ("Lisi-Is-My-Name-1", "账号名"),
        ("Password-12345x", "常见"),
        ("Aa1Aa1Aa1Aa1Aa1", "常见"),
        ("龙井茶叶龙井茶叶Aa1龙井", ""),
    ],
)
def test_bad_passwords_are_told_why(password: str, fault: str) -> None:
    assert fault in faulty_password(password, "lisi")
    assert bool(fault) == bool(faulty_password(password, "lisi"))


def test_a_hash_of_nobody_opens_nothing() -> None:
    assert not is_right("", None)
    assert not is_right(GOOD, "not a hash")
    assert is_right(GOOD, hashed(GOOD))


def test_hashes_cost_what_rfc_9106_asks() -> None:
    spec = importlib.util.find_spec("catalog.access.passwords")
    assert spec is not None
    assert spec.loader is not None
    as_installed = importlib.util.module_from_spec(spec)  # the tests' own costs are lower
    spec.loader.exec_module(as_installed)
    assert "$m=65536,t=3,p=4$" in as_installed.hashed(GOOD)


def test_a_session_ends_by_idleness_and_by_age(sessions: SessionStore) -> None:
    token, now = sessions.open("lisi", at()), NOW
    assert sessions.find(token, now + IDLE - timedelta(seconds=1)) is not None
    assert sessions.find(token, now + 2 * IDLE) is None
    token = sessions.open("lisi", at())
    while now < NOW + LONGEST - timedelta(minutes=20):
        now += timedelta(minutes=20)
        found = sessions.find(token, now)
        assert (found is not None) == (now < NOW + LONGEST)
    assert sessions.find(token, NOW + LONGEST) is None


def test_a_token_is_kept_as_a_hash_and_no_other_opens(sessions: SessionStore, tmp_path: Path) -> None:
    token = sessions.open("lisi", at(), "Firefox")
    found = sessions.find(token, NOW)
    assert found is not None
    assert (found.person.account, found.agent, len(found.csrf)) == ("lisi", "Firefox", 43)
    assert sessions.find(found.session_id, NOW) is None
    assert sessions.find("", NOW) is None
    assert all(token.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_sessions_are_ended_one_by_one_and_together(sessions: SessionStore) -> None:
    tokens = [sessions.open("lisi", at(seconds=n)) for n in range(3)]
    newest, *others = sessions.of("lisi", NOW + timedelta(seconds=5))
    assert len(others) == 2
    sessions.end(others[0].session_id, at())
    assert sessions.end_all("lisi", at(), but=newest.session_id) == 1
    assert [sessions.find(token, NOW + timedelta(seconds=6)) is not None for token in tokens] == [False, False, True]


def test_posts_are_those_of_now_and_a_change_of_them_ends_the_sessions(
    accounts: AccountStore, sessions: SessionStore
) -> None:
    before = sessions.open("lisi", at())
    accounts.set_posts("lisi", [Post.HEAD, Post.APPLICANT], at(seconds=1))
    assert sessions.find(before, NOW + timedelta(seconds=2)) is None
    found = sessions.find(sessions.open("lisi", at(seconds=1)), NOW + timedelta(seconds=2))
    assert found is not None
    assert found.person.posts == {Post.HEAD, Post.APPLICANT}


def test_every_change_of_an_account_ends_its_sessions_and_only_its(
    accounts: AccountStore, sessions: SessionStore
) -> None:
    accounts.add("wangwu", "王五", "gaj", [Post.HEAD], at())
    others, now = sessions.open("wangwu", at()), 0
    for change in (
        lambda by: accounts.reset_password("lisi", by),
        lambda by: accounts.disable("lisi", by),
        lambda by: accounts.disable("lisi", by, is_disabled=False),
        lambda by: accounts.set_posts("lisi", [Post.HEAD], by),
    ):
        now += 2
        token = sessions.open("lisi", at(seconds=now))
        change(at(seconds=now + 1))
        assert sessions.find(token, NOW + timedelta(seconds=now + 1)) is None
    assert sessions.find(others, NOW + timedelta(seconds=now)) is not None


def test_two_who_appoint_at_once_the_second_is_told(accounts: AccountStore) -> None:
    seen = accounts.find("lisi")
    assert seen is not None
    accounts.set_posts("lisi", [Post.HEAD], at(), seen=seen.version)
    with pytest.raises(OvertakenAccount, match="部门负责人"):
        accounts.set_posts("lisi", [Post.APPLICANT], at(), seen=seen.version)
    assert [account.posts for account in accounts.all()] == [frozenset({Post.HEAD})]


def test_nobody_changes_their_own_posts_or_closes_themselves(accounts: AccountStore) -> None:
    own = Actor("lisi", NOW, "")
    with pytest.raises(AccountError, match="自己"):
        accounts.set_posts("lisi", [Post.HEAD], own)
    with pytest.raises(AccountError, match="自己"):
        accounts.disable("lisi", own)


def test_a_password_typed_as_the_name_is_not_in_the_log(accounts: AccountStore) -> None:
    for typed in (GOOD, "longjing-tea-2026", "x" * 3000):
        with pytest.raises(SignInRefused):
            accounts.sign_in(typed, "lisi", Actor(typed, NOW, "10.0.0.3"))
    with accounts.engine.connect() as db:
        events = str(list(db.execute(sa.select(EVENTS)).mappings()))
    assert "ongjing" not in events
    assert "xxxx" not in events


def test_many_tries_at_once_are_no_way_around_the_limit(accounts: AccountStore) -> None:
    def wrong(number: int) -> str:
        try:
            accounts.sign_in("lisi", "wrong", Actor("lisi", NOW + timedelta(milliseconds=number % 7), ""))
        except SignInRefused as refusal:
            return str(refusal)
        return "let in"

    with ThreadPoolExecutor(8) as many:
        said = list(many.map(wrong, range(24)))
    assert sum("不正确" in text for text in said) == MOST_FAILURES
    assert sum("分钟" in text for text in said) == 24 - MOST_FAILURES


def test_unlocking_needs_a_lock(accounts: AccountStore) -> None:
    with pytest.raises(AccountError, match="没有被锁定"):
        accounts.unlock("lisi", at())
    for second in range(MOST_FAILURES):
        with pytest.raises(SignInRefused):
            accounts.sign_in("lisi", "wrong", at(seconds=second))
    assert accounts.locked(NOW + timedelta(seconds=9)) == {"lisi": NOW + timedelta(seconds=4) + WINDOW}
    assert accounts.locked(NOW + WINDOW + timedelta(seconds=4)) == {}
    accounts.unlock("lisi", at(seconds=10))
    assert accounts.sign_in("lisi", GOOD, at(seconds=11))


def test_guessing_the_old_password_in_a_session_is_counted_too(accounts: AccountStore) -> None:
    for second in range(MOST_FAILURES):
        with pytest.raises(AccountError, match="原口令"):
            accounts.change_password("lisi", "wrong", "Another-Tea-2026", at(seconds=second))
    with pytest.raises(SignInRefused, match="15 分钟"):
        accounts.change_password("lisi", GOOD, "Another-Tea-2026", at(seconds=9))


def test_many_guesses_of_the_old_password_at_once_are_no_way_around_the_limit(accounts: AccountStore) -> None:
    def wrong(number: int) -> str:
        try:
            by = Actor("lisi", NOW + timedelta(milliseconds=number % 7), "")
            accounts.change_password("lisi", f"wrong{number}", "Another-Tea-2026", by)
        except (AccountError, SignInRefused) as refusal:
            return str(refusal)
        return "changed"

    with ThreadPoolExecutor(8) as many:
        said = list(many.map(wrong, range(24)))
    assert sum("原口令不正确" in text for text in said) == MOST_FAILURES
    assert sum("分钟" in text for text in said) == 24 - MOST_FAILURES
    with pytest.raises(SignInRefused, match="分钟"):
        accounts.sign_in("lisi", GOOD, at(seconds=10))
