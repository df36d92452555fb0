from collections.abc import Callable
from functools import partial

import pytest

from sts.directory.attachments import Attachments
from sts.directory.policies import Policies, find_visible_policy, get_version
from sts.errors import AlreadyExists, InputInvalid, InUse, NotFound, PolicyMalformed, QuotaExceeded, Unmodifiable
from sts.model import Policy, PolicyVersion
from sts.store.database import Transaction
from sts.store.policies import (
    count_policies,
    find_policy,
    get_default_document,
    list_policies,
    list_versions,
    position_of,
)
from tests.directory.people import ALLOW, padded, role, trust, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

POLICIES = Policies(ENTROPY)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DENY = ALLOW.replace("Allow", "Deny")


def create(
    store: Store, name: str = "reading", path: str = "/", document: str = ALLOW, account_id: str = ACCOUNT_ID
) -> Policy:
    return store.change(lambda tx: POLICIES.create(tx, account_id=account_id, name=name, path=path, document=document))


def add(store: Store, policy: Policy, document: str = DENY, *, set_as_default: bool = False) -> PolicyVersion:
    return store.change(
        lambda tx: POLICIES.create_version(tx, policy=policy, document=document, set_as_default=set_as_default)
    )


def visible(store: Store, arn: str, account_id: str = ACCOUNT_ID) -> Policy | None:
    return store.read(lambda connection: find_visible_policy(connection, account_id, arn))


def version_ids(store: Store, policy: Policy) -> list[str]:
    listed = store.read(lambda connection: list_versions(connection, policy.policy_id, None, 100))
    return [version.version_id for version in listed]


def default_document(store: Store, policy: Policy) -> str:
    return store.read(lambda connection: get_default_document(connection, policy.policy_id))


def names(
    store: Store,
    owners: tuple[str, ...] = (ACCOUNT_ID,),
    path_prefix: str = "/",
    *,
    only_attached: bool = False,
    after: str | None = None,
) -> list[str]:
    listed = store.read(
        lambda connection: list_policies(
            connection,
            ACCOUNT_ID,
            owners,
            path_prefix,
            only_attached=only_attached,
            only_boundaries=False,
            after=after,
            limit=100,
        )
    )
    return [policy.name for policy in listed]


def test_a_created_policy_has_one_version_kept_as_it_was_written(store: Store) -> None:
    written = '{ "Version": "2012-10-17",\n "Statement": {"Effect":"Allow","Action":"*","Resource":"*"} }'
    policy = create(store, "reading", "/team/", written)
    assert policy.arn == f"arn:aws:iam::{ACCOUNT_ID}:policy/team/reading"
    assert policy.policy_id.startswith("ANPA")
    assert (policy.default_version_id, policy.created_at, policy.updated_at) == ("v1", NOW, NOW)
    assert visible(store, policy.arn) == policy
    assert default_document(store, policy) == written
    assert version_ids(store, policy) == ["v1"]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT_ID}:policy/reading",
        f"arn:aws:iam::{ACCOUNT_ID}:policy/Team/reading",
        f"arn:aws:iam::{ACCOUNT_ID}:policy/team/Reading",
        f"arn:aws:iam::{ACCOUNT_ID}:role/team/reading",
        f"arn:aws-cn:iam::{ACCOUNT_ID}:policy/team/reading",
        f"arn:aws:iam:eu-west-1:{ACCOUNT_ID}:policy/team/reading",
        "arn:aws:iam::aws:policy/team/reading",
        "arn:aws:iam:::policy/team/reading",
        "arn:aws:iam::*:policy/team/reading",
    ],
)
def test_a_policy_is_found_by_its_whole_arn_only(store: Store, arn: str) -> None:
    create(store, "reading", "/team/")
    assert visible(store, arn) is None


@pytest.mark.parametrize("text", ["reading", "arn:aws:iam", f"arn:aws:iam::{ACCOUNT_ID}", "ANPAAAAAAAAAAAAAAAAAA"])
def test_what_is_no_arn_is_refused_as_such(store: Store, text: str) -> None:
    with pytest.raises(InputInvalid, match=rf"^ARN {text} is not valid\.$"):
        visible(store, text)
    assert store.read(lambda connection: find_policy(connection, text)) is None


def test_a_policy_of_another_account_is_not_visible(store: Store) -> None:
    policy = create(store, account_id=OTHER_ACCOUNT_ID)
    assert visible(store, policy.arn) is None
    assert visible(store, policy.arn, OTHER_ACCOUNT_ID) == policy


@pytest.mark.parametrize("name", ["Reading", "reading", "READING"])
def test_a_policy_name_that_differs_in_case_only_is_taken(store: Store, name: str) -> None:
    create(store, "Reading")
    with pytest.raises(AlreadyExists, match=rf"^A policy called {name} already exists\. Duplicate names are not"):
        create(store, name, "/elsewhere/")


def test_an_account_may_have_a_policy_of_the_name_of_one_of_the_services(store: Store) -> None:
    create(store, "AdministratorAccess")
    assert names(store, (ACCOUNT_ID, "aws"), after=None)[:2] == ["AdministratorAccess", "AdministratorAccess"]


@pytest.mark.parametrize("document", ["{}", "[]", "", trust("*"), ALLOW.replace("Effect", "effect")])
def test_a_malformed_policy_is_not_kept(store: Store, document: str) -> None:
    with pytest.raises(PolicyMalformed):
        create(store, document=document)
    policy = create(store)
    with pytest.raises(PolicyMalformed):
        add(store, policy, document)
    assert version_ids(store, policy) == ["v1"]


@pytest.mark.parametrize(("name", "path"), [("a b", "/"), ("p" * 129, "/"), ("p", "team"), ("p", "/te am/")])
def test_a_policy_of_impossible_name_or_path_is_refused(store: Store, name: str, path: str) -> None:
    with pytest.raises(InputInvalid):
        create(store, name, path)


def test_a_policy_may_have_6144_characters_beside_white_space(store: Store) -> None:
    policy = create(store, document=padded(6_144))
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for PolicySize: 6144$"):
        create(store, "other", document=padded(6_145))
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for PolicySize: 6144$"):
        add(store, policy, padded(6_145))


def test_an_account_has_no_more_policies_than_its_quota(store: Store) -> None:
    def create_another(tx: Transaction) -> Policy:
        name = f"policy{count_policies(tx.connection, ACCOUNT_ID)}"
        return Policies(ENTROPY, per_account=2).create(tx, account_id=ACCOUNT_ID, name=name, document=ALLOW)

    create(store, "elsewhere", account_id=OTHER_ACCOUNT_ID)
    for _ in range(2):
        store.change(create_another)
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for PoliciesPerAccount: 2$"):
        store.change(create_another)


def test_a_version_becomes_the_default_only_when_asked(store: Store) -> None:
    policy = create(store)
    second = add(store, policy)
    assert (second.version_id, second.is_default) == ("v2", False)
    assert default_document(store, policy) == ALLOW
    third = add(store, policy, set_as_default=True)
    assert (third.version_id, third.is_default, third.document) == ("v3", True, DENY)
    assert default_document(store, policy) == DENY
    assert version_ids(store, policy) == ["v3", "v2", "v1"]


def test_a_policy_has_five_versions_at_most(store: Store) -> None:
    policy = create(store)
    for _ in range(4):
        add(store, policy)
    with pytest.raises(
        QuotaExceeded,
        match=r"^A managed policy can have up to 5 versions\. Before you create a new version, you must delete an "
        r"existing version\.$",
    ):
        add(store, policy)


def test_a_version_number_is_never_given_twice(store: Store) -> None:
    policy = create(store)
    add(store, policy)
    store.change(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id="v2"))
    assert add(store, policy).version_id == "v3"
    assert version_ids(store, policy) == ["v3", "v1"]


def test_the_default_version_cannot_be_deleted(store: Store) -> None:
    policy = create(store)
    with pytest.raises(InUse, match=r"^Cannot delete the default version of a policy\.$"):
        store.change(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id="v1"))
    add(store, policy)
    store.change(lambda tx: POLICIES.set_default_version(tx, policy=policy, version_id="v2"))
    store.change(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id="v1"))
    assert version_ids(store, policy) == ["v2"]
    assert default_document(store, policy) == DENY


@pytest.mark.parametrize(
    "version_id", ["v0", "v2", "v01", "1", "v", "v1.a", "V1", "v1\n", "v٢", "v99999999999999999999"]
)
def test_a_version_that_does_not_exist_is_not_found(store: Store, version_id: str) -> None:
    policy = create(store)
    text = rf"^Policy {policy.arn} version {version_id} does not exist or is not attachable\.$"
    with pytest.raises(NotFound, match=text):
        store.read(lambda connection: get_version(connection, policy, version_id))
    with pytest.raises(NotFound):
        store.change(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id=version_id))
    with pytest.raises(NotFound):
        store.change(lambda tx: POLICIES.set_default_version(tx, policy=policy, version_id=version_id))
    assert default_document(store, policy) == ALLOW


def test_a_policy_with_further_versions_is_not_deleted(store: Store) -> None:
    policy = create(store)
    add(store, policy)
    with pytest.raises(InUse, match=r"^This policy has more than one version\. Before you delete a policy, you must"):
        store.change(lambda tx: POLICIES.delete(tx, policy=policy))
    store.change(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id="v2"))
    store.change(lambda tx: POLICIES.delete(tx, policy=policy))
    assert visible(store, policy.arn) is None
    assert version_ids(store, policy) == []


def test_an_attached_policy_is_not_deleted(store: Store) -> None:
    policy, alice = create(store), user(store)
    store.change(lambda tx: Attachments().attach(tx, bearer=alice, policy_arn=policy.arn))
    with pytest.raises(InUse, match=r"^Cannot delete a policy attached to entities\.$"):
        store.change(lambda tx: POLICIES.delete(tx, policy=policy))
    store.change(lambda tx: Attachments().detach(tx, bearer=alice, policy_arn=policy.arn))
    store.change(lambda tx: POLICIES.delete(tx, policy=policy))
    assert visible(store, policy.arn) is None


CHANGES: list[Callable[[Transaction, Policy], object]] = [
    lambda tx, policy: POLICIES.delete(tx, policy=policy),
    lambda tx, policy: POLICIES.create_version(tx, policy=policy, document=DENY, set_as_default=True),
    lambda tx, policy: POLICIES.delete_version(tx, policy=policy, version_id="v1"),
    lambda tx, policy: POLICIES.set_default_version(tx, policy=policy, version_id="v1"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_policy_of_the_service_cannot_be_changed(
    store: Store, change: Callable[[Transaction, Policy], object]
) -> None:
    policy = visible(store, ADMINISTRATOR)
    assert policy is not None
    before = default_document(store, policy)
    with pytest.raises(Unmodifiable):
        store.change(lambda tx: change(tx, policy))
    assert default_document(store, policy) == before
    assert version_ids(store, policy) == ["v1"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_policy_made_anew_under_the_same_name_is_not_the_one_that_was_authorized(
    store: Store, change: Callable[[Transaction, Policy], object]
) -> None:
    first = create(store)
    store.change(lambda tx: POLICIES.delete(tx, policy=first))
    second = create(store)
    with pytest.raises(NotFound, match=rf"^Policy {first.arn} does not exist or is not attachable\.$"):
        store.change(lambda tx: change(tx, first))
    assert visible(store, second.arn) == second


def test_what_changes_the_default_touches_the_policy_and_nothing_else_does(store: Store) -> None:
    policy = create(store)
    wanted = {("policy", policy.policy_id), ("policy-arn", policy.arn)}
    assert store.touched(lambda tx: POLICIES.create_version(tx, policy=policy, document=DENY)) == set()
    assert store.touched(lambda tx: POLICIES.set_default_version(tx, policy=policy, version_id="v2")) == wanted
    assert store.touched(lambda tx: POLICIES.set_default_version(tx, policy=policy, version_id="v2")) == set()
    assert store.touched(lambda tx: POLICIES.delete_version(tx, policy=policy, version_id="v1")) == set()
    third = store.touched(lambda tx: POLICIES.create_version(tx, policy=policy, document=ALLOW, set_as_default=True))
    assert third == wanted


def test_a_new_and_a_deleted_policy_touch_their_arn_because_its_absence_is_remembered(store: Store) -> None:
    created = store.touched(lambda tx: POLICIES.create(tx, account_id=ACCOUNT_ID, name="p", document=ALLOW))
    policy = visible(store, f"arn:aws:iam::{ACCOUNT_ID}:policy/p")
    assert policy is not None
    assert created == {("policy", policy.policy_id), ("policy-arn", policy.arn)}
    assert store.touched(lambda tx: POLICIES.delete(tx, policy=policy)) == created


def test_policies_are_listed_by_name_under_a_path_whose_case_counts(store: Store) -> None:
    for name, path in (("b", "/team/"), ("C", "/team/x/"), ("a", "/Team/"), ("d", "/")):
        create(store, name, path)
    create(store, "e", account_id=OTHER_ACCOUNT_ID)
    assert names(store) == ["a", "b", "C", "d"]
    assert names(store, path_prefix="/team/") == ["b", "C"]
    assert names(store, ("aws",))[0] == "AdministratorAccess"
    assert names(store, ("aws",), "/team/") == []


def test_a_page_begins_behind_a_policy_even_when_two_have_one_name(store: Store) -> None:
    own = create(store, "AdministratorAccess")
    service = visible(store, ADMINISTRATOR)
    assert service is not None
    everything = names(store, (ACCOUNT_ID, "aws"))
    assert names(store, (ACCOUNT_ID, "aws"), after=position_of(own)) == everything[1:]
    assert names(store, (ACCOUNT_ID, "aws"), after=position_of(service)) == everything[2:]


def test_attachments_are_counted_within_the_account_that_asks(store: Store) -> None:
    readers = (role(store), role(store, account_id=OTHER_ACCOUNT_ID))
    for each in (*readers, user(store)):
        store.change(partial(Attachments().attach, bearer=each, policy_arn=ADMINISTRATOR))
    counts = [visible(store, ADMINISTRATOR, account_id) for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID)]
    assert [policy.attachment_count for policy in counts if policy is not None] == [2, 1]
    assert names(store, ("aws",), only_attached=True) == ["AdministratorAccess"]
