"""S-08, of credentials: what is deleted on one node is refused on another, with all that was begun from it."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from tests.api.cast import ATTEMPTS, DENIED, KEY, SESSION, SESSIONS, Cast, gather, make_role, try_until
from tests.service import Service


def delete_key(service: Service, cast: Cast) -> None:
    deleted = service.call(cast.home.key, "DeleteAccessKey", UserName="ursula", AccessKeyId=cast.user.access_key_id)
    assert deleted.status == 200


def delete_user(service: Service, cast: Cast) -> None:
    delete_key(service, cast)
    service.call(cast.home.key, "DeleteUserPolicy", UserName="ursula", PolicyName="all")
    assert service.call(cast.home.key, "DeleteUser", UserName="ursula").status == 200


def delete_role(service: Service, cast: Cast) -> None:
    service.call(cast.home.key, "DeleteRolePolicy", RoleName="first", PolicyName="all")
    assert service.call(cast.home.key, "DeleteRole", RoleName="first").status == 200


DELETIONS: Mapping[str, Callable[[Service, Cast], None]] = {
    "access key": delete_key,
    "user": delete_user,
    "role": delete_role,
}
BEGUN_WITH_THE_KEY = SESSIONS | {"a user's key": KEY, "a session begun with a user's key": KEY}
REFUSED: Mapping[str, Mapping[str, str]] = {
    "access key": BEGUN_WITH_THE_KEY,
    "user": BEGUN_WITH_THE_KEY,
    "role": {
        "a session": KEY,
        "a session begun with a session": KEY,
        "a chained session": SESSION,
        "a chained session of another account": SESSION,
        "a session begun with a user's key": DENIED,
        "a session begun by another account": DENIED,
    },
}


def assert_refused(service: Service, cast: Cast, refused: Mapping[str, str]) -> None:
    for name, code in refused.items():
        reply = try_until(partial(ATTEMPTS[name], service, cast), succeeds=False)
        assert (reply.status, reply.code) == (403, code), name


@pytest.mark.parametrize("kind", DELETIONS)
def test_s_08_what_is_deleted_is_refused_by_every_path_on_every_node(
    kind: str, service: Service, other_node: Service
) -> None:
    cast = gather(service)
    for name, attempt in ATTEMPTS.items():
        for node in (service, other_node):
            assert try_until(partial(attempt, node, cast), succeeds=True).status == 200, name
    DELETIONS[kind](service, cast)
    for node in (other_node, service):
        assert_refused(node, cast, REFUSED[kind])
    for name in ATTEMPTS.keys() - REFUSED[kind].keys():
        assert ATTEMPTS[name](other_node, cast).status == 200, name


def test_s_08_who_bears_the_name_of_a_deleted_role_later_brings_none_of_its_sessions_back(
    service: Service, other_node: Service
) -> None:
    cast = gather(service)
    delete_role(service, cast)
    make_role(service, cast.home, "first", cast.home, cast.abroad)
    begin = partial(ATTEMPTS["a session begun with a user's key"], other_node, cast)
    assert try_until(begin, succeeds=True).status == 200
    gone = {name: code for name, code in REFUSED["role"].items() if code != DENIED}
    for node in (service, other_node):
        assert_refused(node, cast, gone)


def test_s_08_sessions_begun_with_another_key_of_the_same_user_go_on(service: Service) -> None:
    cast = gather(service)
    made = service.call(cast.home.key, "CreateAccessKey", UserName="ursula").text("AccessKeyId")
    assert service.call(cast.home.key, "DeleteAccessKey", UserName="ursula", AccessKeyId=made).status == 200
    for name, attempt in ATTEMPTS.items():
        assert attempt(service, cast).status == 200, name
