"""GetWebIdentityToken: who is given a token, for how long, and what policies may say of it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.crypto.jwk import parse_key_set
from sts.errors import TokenInvalid
from sts.keyring.rotation import Purpose
from sts.outbound import NAMESPACE
from sts.verify import verify
from tests.aws.clients import document
from tests.outbound.asking import AUDIENCE, ask, enable, read_claims, tags
from tests.outbound.strangers import KEYS, fetch
from tests.security.forging import begin_session
from tests.security.rotating import rotate, until
from tests.security.stored import find_record, read_records
from tests.security.wire import told
from tests.service import Reply, Service, Tenant, allow
from tests.signing import Key

MINTING = ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"]
LARGEST = 14_984  # bytes of claims


@pytest.fixture
def issuer(service: Service, tenant: Tenant) -> str:
    return enable(service, tenant.key)


@pytest.fixture
def key(tenant: Tenant, issuer: str) -> Key:
    """Return the key of an administrator whose account is an issuer."""
    assert issuer
    return tenant.key


def make_user(service: Service, tenant: Tenant, policy: str, name: str = "plain") -> Key:
    service.call(tenant.key, "CreateUser", UserName=name)
    put = service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=policy)
    assert put.status == 200, put.body
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


@pytest.mark.parametrize("seconds", [60, 61, 300, 3_600])
def test_a_token_lives_as_long_as_is_asked(service: Service, key: Key, seconds: int) -> None:
    reply = ask(service, key, DurationSeconds=str(seconds))
    claims, now = read_claims(reply), service.clock.now()
    assert claims["iat"] == int(now.timestamp())
    assert claims["exp"] == claims["iat"] + seconds
    assert reply.text("Expiration") == (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("seconds", ["0", "59", "3601", "-1", "1.5", "x", ""])
def test_no_other_life_is_given(service: Service, key: Key, seconds: str) -> None:
    assert told(ask(service, key, DurationSeconds=seconds)) == (400, "ValidationError")


def test_a_fraction_of_a_second_is_no_part_of_a_token(service: Service, key: Key, clock: ManualClock) -> None:
    clock.tick(timedelta(microseconds=999_999))
    reply = ask(service, key, DurationSeconds="60")
    claims = read_claims(reply)
    assert claims["exp"] == claims["iat"] + 60
    assert datetime.fromtimestamp(claims["exp"], UTC) <= clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize("algorithm", ["ES256", "RS384", "RS512", "PS256", "HS256", "rs256", "RS256 ", "none", ""])
def test_j_02_no_algorithm_but_the_two_is_signed_with(service: Service, key: Key, algorithm: str) -> None:
    assert told(ask(service, key, SigningAlgorithm=algorithm)) == (400, "ValidationError")


@pytest.mark.parametrize("audience", ["", "x" * 1_001])
def test_an_audience_has_a_length(service: Service, key: Key, audience: str) -> None:
    assert told(ask(service, key, **{"Audience.member.1": audience})) == (400, "ValidationError")


def test_audiences_are_kept_as_they_are_asked_for(service: Service, key: Key) -> None:
    wish = {"Audience.member.1": "ä +=&/%:@ 漢", "Audience.member.2": "one", "Audience.member.3": "one"}
    assert read_claims(ask(service, key, **wish))["aud"] == list(wish.values())


@pytest.mark.parametrize("twice", [("team", "team"), ("team", "TEAM")])
def test_a_tag_stands_once(service: Service, key: Key, twice: tuple[str, str]) -> None:
    reply = ask(service, key, **tags(*((each, "blue") for each in twice)))
    assert told(reply) == (400, "InvalidParameterValue")


def test_tags_of_the_request_are_no_tags_of_the_caller(service: Service, tenant: Tenant, key: Key) -> None:
    service.call(tenant.key, "TagUser", UserName="admin", **tags(("team", "blue")))
    claims = read_claims(ask(service, key, **tags(("team", "red"), ("aws:job", ""))))[NAMESPACE]
    assert claims["principal_tags"] == {"team": "blue"}
    assert claims["request_tags"] == {"team": "red", "aws:job": ""}


def test_a_token_says_in_which_region_it_was_asked_for(service: Service, key: Key) -> None:
    body = b"Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=x&SigningAlgorithm=ES384"
    reply = service.send(key, body=body, region="eu-central-1")
    assert read_claims(reply)[NAMESPACE]["source_region"] == "eu-central-1"


def _filled(service: Service, key: Key, bytes_more: int) -> Reply:
    """Ask for a token whose claims take as many bytes as they may, and *bytes_more*."""
    head = {f"Audience.member.{number}": "a" * 1_000 for number in range(1, 11)}
    base = tags(*((f"k{number:02}", "v") for number in range(50)))
    room = LARGEST - _measure(ask(service, key, **head, **base)) + bytes_more
    for name in base:
        if name.endswith("Value"):
            added = min(255, room)
            base[name], room = "v" * (1 + added), room - added
    assert room == 0
    return ask(service, key, **head, **base)


def _measure(reply: Reply) -> int:
    payload = reply.text("WebIdentityToken").split(".")[1]
    return len(payload) * 3 // 4


def test_claims_take_so_much_room_and_no_more(service: Service, key: Key) -> None:
    assert _measure(_filled(service, key, 0)) == LARGEST
    assert told(_filled(service, key, 1)) == (400, "JWTPayloadSizeExceededException")


def test_a_token_does_not_outlive_the_session_that_asks(
    service: Service, tenant: Tenant, key: Key, clock: ManualClock
) -> None:
    assert key
    session = begin_session(service, tenant, DurationSeconds="900")
    assert told(ask(service, session, DurationSeconds="901")) == (403, "SessionDurationEscalationException")
    claims = read_claims(ask(service, session, DurationSeconds="900"))
    assert claims[NAMESPACE]["original_session_exp"] == "2026-03-02T12:15:00Z"
    assert claims["exp"] == int(clock.now().timestamp()) + 900
    clock.tick(timedelta(seconds=1))
    assert told(ask(service, session, DurationSeconds="900")) == (403, "SessionDurationEscalationException")
    clock.tick(timedelta(seconds=700))
    assert told(ask(service, session)) == (403, "SessionDurationEscalationException")  # the usual 300
    assert ask(service, session, DurationSeconds="60").status == 200


def test_a_session_of_a_user_is_the_user_with_or_without_a_second_factor(service: Service, key: Key) -> None:
    lent = service.call(key, "GetSessionToken", "sts", DurationSeconds="900").key()
    own, of_session = read_claims(ask(service, key)), read_claims(ask(service, lent))
    assert own["sub"] == of_session["sub"]
    assert "original_session_exp" not in own[NAMESPACE]
    assert of_session[NAMESPACE]["original_session_exp"] == "2026-03-02T12:15:00Z"


def test_neither_a_federated_user_nor_the_root_is_given_a_token(service: Service, tenant: Tenant, key: Key) -> None:
    policy = allow("sts:*")
    federated = service.call(key, "GetFederationToken", "sts", Name="guest", Policy=policy).key()
    assert told(ask(service, federated)) == (403, "AccessDenied")
    root = service.root_key(tenant)
    assert told(ask(service, root)) == (403, "AccessDenied")
    session_of_root = service.call(root, "GetSessionToken", "sts").key()
    assert told(ask(service, session_of_root)) == (403, "AccessDenied")


def test_an_account_that_is_no_issuer_mints_nothing(service: Service, tenant: Tenant) -> None:
    disabled = (403, "OutboundWebIdentityFederationDisabledException")
    assert told(ask(service, tenant.key)) == disabled
    enable(service, tenant.key)
    assert ask(service, tenant.key).status == 200
    assert service.call(tenant.key, "DisableOutboundWebIdentityFederation").status == 200
    assert told(ask(service, tenant.key)) == disabled
    enable(service, tenant.key)
    assert ask(service, tenant.key).status == 200


def _limit(**conditions: dict[str, Any]) -> str:
    return document({"Effect": "Allow", "Action": MINTING, "Resource": "*", "Condition": conditions})


TWO = {"Audience.member.2": "https://other.example.com"}
ONLY_ONE: dict[str, Any] = {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [AUDIENCE]}}
ANY_ONE: dict[str, Any] = {"ForAnyValue:StringEquals": {"sts:IdentityTokenAudience": [AUDIENCE]}}
SHORT = {"NumericLessThanEquals": {"sts:DurationSeconds": "300"}}
ELLIPTIC = {"StringEquals": {"sts:SigningAlgorithm": "ES384"}}
TAGGED: dict[str, Any] = {
    "ForAllValues:StringEquals": {"aws:TagKeys": ["job"]},
    "StringEqualsIfExists": {"aws:RequestTag/job": "7"},
}


@pytest.mark.parametrize(
    ("condition", "wish", "status"),
    [
        (ONLY_ONE, {}, 200),
        (ONLY_ONE, {"Audience.member.1": "https://other.example.com"}, 403),
        (ONLY_ONE, TWO, 403),
        (ANY_ONE, TWO, 200),
        (SHORT, {}, 200),
        (SHORT, {"DurationSeconds": "300"}, 200),
        (SHORT, {"DurationSeconds": "301"}, 403),
        ({"NumericEquals": {"sts:DurationSeconds": "300"}}, {}, 200),  # it is told where it is the usual one
        (ELLIPTIC, {}, 200),
        (ELLIPTIC, {"SigningAlgorithm": "RS256"}, 403),
        (TAGGED, {}, 200),
        (TAGGED, tags(("job", "7")), 200),
        (TAGGED, tags(("job", "8")), 403),
        (TAGGED, tags(("job", "7"), ("more", "")), 403),
    ],
)
def test_a_policy_limits_what_is_asked_for(
    service: Service, tenant: Tenant, key: Key, condition: dict[str, Any], wish: dict[str, str], status: int
) -> None:
    assert key
    user = make_user(service, tenant, _limit(**condition))
    assert ask(service, user, **wish).status == status


def test_who_may_not_does_not_learn_whether_the_account_is_an_issuer(service: Service, tenant: Tenant) -> None:
    assert told(ask(service, make_user(service, tenant, allow("s3:*")))) == (403, "AccessDenied")


def test_o_45_the_record_has_the_identifier_and_neither_record_nor_log_the_token(
    service: Service, key: Key, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = ask(service, key, **tags(("job", "7")))
    record = find_record(service, reply.headers["x-amzn-requestid"])
    assert record["event"] == "web-identity-token.create.done"
    assert record["made"] == {"jti": read_claims(reply)["jti"]}
    assert record["parameters"]["Audience"] == [AUDIENCE]
    assert [action for action, _ in record["pairs"]] == MINTING
    signature = reply.text("WebIdentityToken").rpartition(".")[2]
    assert signature not in json.dumps(read_records(service))
    assert signature not in "".join(capfd.readouterr())


def test_a_refused_token_is_on_record_with_its_code(service: Service, tenant: Tenant) -> None:
    reply = ask(service, tenant.key)
    record = find_record(service, reply.headers["x-amzn-requestid"])
    assert (record["event"], record["error"]) == (
        "web-identity-token.create.refused",
        "OutboundWebIdentityFederationDisabledException",
    )


def test_j_07_a_web_identity_token_is_no_session_token(service: Service, key: Key) -> None:
    minted = ask(service, key, SigningAlgorithm="RS256").text("WebIdentityToken")
    posing = Key("ASIA" + key.access_key_id[4:], key.secret, minted)
    assert told(service.call(posing, "GetCallerIdentity", "sts")) == (403, "InvalidClientTokenId")
    keys = parse_key_set(fetch(service.url + "/.well-known/jwks.json").content)
    issuer = service.settings.issuer
    with pytest.raises(TokenInvalid):
        verify(minted, keys, issuer=issuer, audience=issuer, now=service.clock.now())


def test_j_18_a_key_is_published_before_it_signs_and_after_it_did(
    service: Service, key: Key, issuer: str, clock: ManualClock
) -> None:
    def published() -> set[str]:
        return {each["kid"] for each in fetch(issuer + KEYS).json()["keys"]}

    def signing() -> set[str]:
        tokens = [ask(service, key, SigningAlgorithm=each).text("WebIdentityToken") for each in ("RS256", "ES384")]
        return {json.loads(_decode(token.split(".")[0]))["kid"] for token in tokens}

    old = signing()
    assert published() == old
    rotate(service, Purpose.SIGNING)
    both = until(published, lambda kids: len(kids) == 4)
    assert old < both
    assert signing() == old
    clock.tick(timedelta(hours=24))
    new = signing()
    assert new == both - old
    assert published() == both
    clock.tick(timedelta(hours=36, seconds=61))
    assert published() == new


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
