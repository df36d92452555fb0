from typing import Any

import pytest

from sts.aws.iam.account import AccountOperations, Quotas
from sts.aws.iam.paging import Pager
from sts.aws.wire import load_model
from sts.directory.access_keys import AccessKeys
from sts.directory.attachments import Attachments
from sts.directory.groups import Groups
from sts.directory.inline_policies import InlinePolicies
from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.policies import Policies
from sts.directory.providers import Providers
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.errors import AlreadyExists, InputInvalid, NotFound
from sts.model import Account
from tests.authn import signing_in
from tests.aws.iam.desk import Desk, open_desk, root
from tests.directory.people import ALLOW, group, role, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store


@pytest.fixture
def desk(store: Store) -> Desk:
    quotas = Quotas(
        users=Users(ENTROPY, per_account=7),
        access_keys=AccessKeys(ENTROPY, store.keyring),
        groups=Groups(ENTROPY),
        roles=Roles(ENTROPY),
        profiles=InstanceProfiles(ENTROPY),
        policies=Policies(ENTROPY),
        inline=InlinePolicies(),
        attachments=Attachments(per_bearer=3),
    )
    return open_desk(store, AccountOperations(quotas, Pager(store.keyring)).rows())


def aliases(desk: Desk, account_id: str = ACCOUNT_ID) -> list[str]:
    listed = desk.call(root(account_id), "ListAccountAliases")
    assert listed["IsTruncated"] is False
    return list(listed["AccountAliases"])


def summary(desk: Desk, account_id: str = ACCOUNT_ID) -> dict[str, Any]:
    desk.render(root(account_id), "GetAccountSummary")
    return dict(desk.call(root(account_id), "GetAccountSummary")["SummaryMap"])


def test_an_account_has_one_alias_and_a_new_one_takes_its_place(desk: Desk) -> None:
    assert aliases(desk) == []
    desk.call(root(), "CreateAccountAlias", AccountAlias="first")
    desk.call(root(), "CreateAccountAlias", AccountAlias="second")
    assert aliases(desk) == ["second"]
    desk.call(root(OTHER_ACCOUNT_ID), "CreateAccountAlias", AccountAlias="first")
    assert aliases(desk, OTHER_ACCOUNT_ID) == ["first"]
    desk.call(root(), "DeleteAccountAlias", AccountAlias="second")
    assert aliases(desk) == []


def test_an_alias_is_the_name_of_one_account(desk: Desk) -> None:
    desk.call(root(), "CreateAccountAlias", AccountAlias="taken")
    for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID):
        with pytest.raises(AlreadyExists, match="taken"):
            desk.call(root(account_id), "CreateAccountAlias", AccountAlias="taken")
    with pytest.raises(NotFound):
        desk.call(root(OTHER_ACCOUNT_ID), "DeleteAccountAlias", AccountAlias="taken")
    assert (aliases(desk), aliases(desk, OTHER_ACCOUNT_ID)) == (["taken"], [])


@pytest.mark.parametrize(
    "alias", ["ab", "a" * 64, "Abc", "-abc", "abc-", "a--b", "a_b", "äbc", "abc\n", "123456789012", ""]
)
def test_what_is_no_alias_is_refused(desk: Desk, alias: str) -> None:
    with pytest.raises(InputInvalid):
        desk.call(root(), "CreateAccountAlias", AccountAlias=alias)
    for taken in ("abc", "a" * 63, "1-2", "12345678901", "1234567890123"):
        desk.call(root(), "CreateAccountAlias", AccountAlias=taken)
        assert aliases(desk) == [taken]


def test_the_summary_counts_what_the_account_has_and_tells_the_quotas_that_are_kept(desk: Desk, store: Store) -> None:
    assert {summary(desk)[name] for name in ("Users", "Groups", "Roles", "Policies", "InstanceProfiles")} == {0}
    user(store), user(store, "bob"), group(store), role(store)
    policies = Policies(ENTROPY)
    own = store.change(lambda tx: policies.create(tx, account_id=ACCOUNT_ID, name="p", document=ALLOW))
    store.change(lambda tx: policies.create_version(tx, policy=own, document=ALLOW))
    store.change(lambda tx: InstanceProfiles(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="web"))
    store.change(
        lambda tx: Providers(ENTROPY, store.keyring).create(tx, account_id=ACCOUNT_ID, issuer="https://idp.example")
    )
    counted = summary(desk)
    names = ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse", "InstanceProfiles", "Providers")
    assert [counted[name] for name in names] == [2, 1, 1, 1, 2, 1, 1]
    quotas = ("UsersQuota", "AttachedPoliciesPerRoleQuota", "GroupPolicySizeQuota", "AssumeRolePolicySizeQuota")
    assert [counted[name] for name in quotas] == [7, 3, 5_120, 2_048]
    assert counted["PolicyVersionsInUseQuota"] == counted["PoliciesQuota"] * counted["VersionsPerPolicyQuota"]
    assert summary(desk, OTHER_ACCOUNT_ID)["Users"] == 0


def test_the_summary_has_every_entry_of_the_model_and_no_other(desk: Desk) -> None:
    assert set(summary(desk)) == set(load_model("iam").shapes["summaryKeyType"]["enum"])


def test_the_summary_tells_of_what_is_not_offered_that_there_is_none(desk: Desk) -> None:
    names = ("ServerCertificatesQuota", "SigningCertificatesPerUserQuota")
    assert [summary(desk)[name] for name in names] == [0, 0]


def test_the_summary_says_that_session_tokens_are_taken_in_all_regions(desk: Desk) -> None:
    assert summary(desk)["GlobalEndpointTokenVersion"] == 2


def test_the_summary_says_whether_root_has_keys_and_not_how_many(desk: Desk, store: Store) -> None:
    assert summary(desk)["AccountAccessKeysPresent"] == 0
    owner = Account(account_id=ACCOUNT_ID, name="", created_at=NOW)
    for _ in range(2):
        store.change(lambda tx: AccessKeys(ENTROPY, store.keyring).create(tx, owner=owner))
    assert summary(desk)["AccountAccessKeysPresent"] == 1
    assert summary(desk, OTHER_ACCOUNT_ID)["AccountAccessKeysPresent"] == 0


def test_the_summary_says_whether_root_has_a_password(desk: Desk, store: Store) -> None:
    assert summary(desk)["AccountPasswordPresent"] == 0
    signing_in.open_desk(store, NOW).choose(Account(account_id=ACCOUNT_ID, name="", created_at=NOW))
    assert summary(desk)["AccountPasswordPresent"] == 1
    assert summary(desk, OTHER_ACCOUNT_ID)["AccountPasswordPresent"] == 0
