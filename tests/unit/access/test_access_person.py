"""What a post may do, and which posts nobody may hold together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.person import ADMINISTRATORS, BUREAU, RIGHTS, Doing, Person, Post, faulty_posts, permit

POSTS = st.frozensets(st.sampled_from(list(Post)), min_size=1, max_size=4)


def _person(*posts: Post, dept: str = "gaj") -> Person:
    return Person("lisi", "李四", dept, frozenset(posts))


@pytest.mark.parametrize("doing", list(Doing))
def test_a_stranger_may_do_nothing(doing: Doing) -> None:
    decision = permit(None, doing)
    assert not decision.allowed
    assert decision.code == "not_signed_in"


def test_every_doing_has_its_posts() -> None:
    assert set(RIGHTS) == set(Doing)
    assert all(allowed.posts for allowed in RIGHTS.values())


@given(posts=POSTS, doing=st.sampled_from(list(Doing)))
def test_only_the_appointed_are_allowed_and_only_for_their_department(posts: frozenset[Post], doing: Doing) -> None:
    person = _person(*posts)
    is_appointed = bool(posts & RIGHTS[doing].posts) or permit(person, doing).reason == "大数据局监督履职"
    assert permit(person, doing).allowed == is_appointed
    if RIGHTS[doing].is_own_department and permit(person, doing, "mzj").reason != "大数据局监督履职":
        assert not permit(person, doing, "mzj").allowed


def test_a_refusal_says_who_may() -> None:
    assert "部门负责人" in permit(_person(Post.CATALOGUER), Doing.SIGN).reason
    assert permit(_person(Post.HEAD), Doing.SIGN, "mzj").code == "not_your_department"


@given(posts=POSTS)
def test_the_three_administrators_stay_apart(posts: frozenset[Post]) -> None:
    if posts & ADMINISTRATORS and len(posts) > 1:
        assert "三员分立" in faulty_posts(BUREAU, posts)
    else:
        assert faulty_posts(BUREAU, posts) == ""


def test_posts_of_the_bureau_are_held_in_the_bureau() -> None:
    assert "审核员" in faulty_posts("gaj", frozenset({Post.REVIEWER, Post.HEAD}))
    assert faulty_posts("gaj", frozenset({Post.CATALOGUER, Post.HEAD})) == ""
    assert faulty_posts("gaj", frozenset()) != ""
