import pytest

from sts.aws.iam.outbound_issuers import OutboundIssuerOperations
from sts.directory.outbound_issuers import OutboundIssuers
from sts.errors import FeatureDisabled, FeatureEnabled
from tests.aws.iam.desk import Desk, open_desk, root
from tests.directory.store import ACCOUNT_ID, ENTROPY, OTHER_ACCOUNT_ID, Store

SERVICE = "https://sts.example.com"
ENABLE, DISABLE = "EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation"
INFO = "GetOutboundWebIdentityFederationInfo"


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, OutboundIssuerOperations(OutboundIssuers(ENTROPY), SERVICE).rows())


def test_an_account_is_no_issuer_until_it_enables_that(desk: Desk) -> None:
    for name in (INFO, DISABLE):
        with pytest.raises(FeatureDisabled):
            desk.call(root(), name)
    made = desk.call(root(), ENABLE)
    assert desk.call(root(), INFO) == {**made, "JwtVendingEnabled": True}
    with pytest.raises(FeatureEnabled):
        desk.call(root(), ENABLE)


def test_an_issuer_is_its_account_s_alone_and_stays_it(desk: Desk) -> None:
    issuers = [desk.call(root(account_id), ENABLE)["IssuerIdentifier"] for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID)]
    assert len(set(issuers)) == 2
    assert all(issuer.startswith(f"{SERVICE}/outbound/") for issuer in issuers)
    assert desk.call(root(), DISABLE) == {}
    for name in (INFO, DISABLE):
        with pytest.raises(FeatureDisabled):
            desk.call(root(), name)
    assert desk.call(root(OTHER_ACCOUNT_ID), INFO)["IssuerIdentifier"] == issuers[1]
    assert desk.call(root(), ENABLE)["IssuerIdentifier"] == issuers[0]


@pytest.mark.parametrize("name", [ENABLE, INFO, DISABLE])
def test_each_is_authorized_on_everything_and_can_be_rendered(desk: Desk, name: str) -> None:
    if name != ENABLE:
        desk.call(root(), ENABLE)
    assert desk.demanded(root(), name) == [(f"iam:{name}", "*")]
    assert desk.render(root(), name)
