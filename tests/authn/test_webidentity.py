"""Which tokens of another issuer are taken, and which are not: the rows R and J of foreign tokens."""

import asyncio
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sts.authn.webidentity import Assertion, WebIdentity
from sts.clock import ManualClock
from sts.crypto.algorithms import ALGORITHMS
from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import generate_signing_key, render_jwk
from sts.errors import IdentityTokenExpired, IdentityTokenInvalid, IssuerUnreachable
from sts.keyring.keyring import Keyring
from sts.providers import Provider
from tests.authn.identity_tokens import ACCOUNT_ID, CLIENT_ID, ISSUER, Issuer, Registered, sign, write_key_set
from tests.issuers.publisher import follow

OWN_ISSUER = "https://sts.example.com"
Prove = Callable[..., Assertion]
FOREIGN = sorted(set(ALGORITHMS) - {"ES256"})


@pytest.fixture
def issuer(clock: ManualClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def prove(issuer: Issuer, clock: ManualClock, keyring: Keyring) -> Prove:
    key_sets = follow(clock, keyring)

    def _prove(token: str, *providers: Provider, account_id: str = ACCOUNT_ID) -> Assertion:
        registered = Registered(providers or (issuer.provider(),))
        return asyncio.run(WebIdentity(OWN_ISSUER, registered, key_sets, clock).prove(account_id, token))

    return _prove


def _refuses(prove: Prove, token: str, *providers: Provider, match: str | None = None) -> None:
    with pytest.raises(IdentityTokenInvalid, match=match) as refused:
        prove(token, *providers)
    assert not isinstance(refused.value, IdentityTokenExpired)


def test_a_token_of_a_registered_issuer_is_proven_with_all_its_claims(issuer: Issuer, prove: Prove) -> None:
    assertion = prove(issuer.token(groups=["a", "b"]))
    assert (assertion.issuer, assertion.subject, assertion.audience) == (ISSUER, "somebody", CLIENT_ID)
    assert assertion.claims == issuer.claims(groups=["a", "b"])
    assert assertion.provider == issuer.provider()
    assert "groups" not in repr(assertion)


@pytest.mark.parametrize("name", ["RS256", "PS256", "ES256", "ES384", "EdDSA"])
def test_every_usual_algorithm_is_taken(issuer: Issuer, prove: Prove, name: str) -> None:
    issuer.key = generate_signing_key(name)
    assert prove(issuer.token()).subject == "somebody"


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "application/jwt"])
def test_a_token_need_not_say_that_it_is_a_jwt(issuer: Issuer, prove: Prove, typ: Any) -> None:
    assert prove(sign(issuer.header(typ=typ), issuer.claims(), issuer.key)).subject == "somebody"


def test_r_06_a_token_whose_signature_does_not_hold_is_refused(issuer: Issuer, prove: Prove) -> None:
    head, body, signature = issuer.token().split(".")
    other = sign(issuer.header(), issuer.claims(sub="root"), issuer.key).split(".")
    for broken in (
        f"{head}.{other[1]}.{signature}",
        f"{head}.{body}.{other[2]}",
        f"{head}.{body}.",
        f"{head}.{body}.{encode_base64url(bytes(64))}",
        sign(issuer.header(), issuer.claims(), generate_signing_key("ES256")),
    ):
        _refuses(prove, broken)


@pytest.mark.parametrize("name", [*FOREIGN, "none", "None", "nOnE", "", "es256", None, 7])
def test_r_06_an_algorithm_that_the_provider_does_not_use_is_refused(issuer: Issuer, prove: Prove, name: Any) -> None:
    token = sign(issuer.header(alg=name), issuer.claims(), issuer.key)
    _refuses(prove, token)
    _refuses(prove, token.rpartition(".")[0] + ".")


def test_j_02_an_algorithm_that_others_may_use_is_refused_where_the_provider_has_a_list(
    issuer: Issuer, prove: Prove
) -> None:
    _refuses(prove, issuer.token(), issuer.provider(algorithms=("RS256",)), match="algorithm")


@pytest.mark.parametrize("name", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("hashed", ["sha256", "sha384", "sha512"])
def test_j_03_a_published_key_is_never_a_shared_secret(issuer: Issuer, prove: Prove, name: str, hashed: str) -> None:
    issuer.key = generate_signing_key(name)
    public: Any = issuer.key.verification_key().material
    spellings = [public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.PEM, Encoding.DER)]
    spellings += [json.dumps(render_jwk(issuer.key.verification_key())).encode(), write_key_set(issuer.key).encode()]
    texts = (issuer.header(alg=f"HS{hashed[3:]}"), issuer.claims())
    unsigned = ".".join(encode_base64url(json.dumps(text).encode()) for text in texts)
    for spelling in spellings:
        forged = f"{unsigned}.{encode_base64url(hmac.digest(spelling, unsigned.encode(), hashed))}"
        _refuses(prove, forged, match="algorithm")


def test_j_04_a_key_that_the_token_brings_is_not_looked_at(issuer: Issuer, prove: Prove) -> None:
    stranger = generate_signing_key("ES256")
    for brought in ({"jwk": render_jwk(stranger.verification_key())}, {"jku": "http://127.0.0.1:1/"}, {"x5u": "x"}):
        _refuses(prove, sign(issuer.header(**brought), issuer.claims(), stranger))
        assert prove(sign(issuer.header(**brought), issuer.claims(), issuer.key))


@pytest.mark.parametrize("kid", ["unknown", "../../etc/passwd", "' OR 1=1 --", "k" * 100_000, 7, None, ["a"], {}])
def test_j_05_a_kid_only_selects_among_the_providers_keys(issuer: Issuer, prove: Prove, kid: Any) -> None:
    _refuses(prove, sign(issuer.header(kid=kid), issuer.claims(), issuer.key))


def test_r_06_keys_of_wrong_kinds_verify_nothing(issuer: Issuer, prove: Prove) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers()  # noqa: S505
    number = {name: encode_base64url(value.to_bytes(128, "big").lstrip(b"\0")) for name, value in vars_of(weak)}
    good = render_jwk(issuer.key.verification_key())
    for jwk in (
        {"kty": "RSA", "kid": issuer.key.kid} | number,
        {"kty": "oct", "k": encode_base64url(b"k" * 32), "kid": issuer.key.kid},
        good | {"use": "enc"},
        good | {"alg": "ES384"},
        good | {"key_ops": ["encrypt"]},
        good | {"d": good["x"]},
        good | {"x": good["y"]},
        render_jwk(generate_signing_key("ES384").verification_key()) | {"kid": issuer.key.kid},
    ):
        _refuses(prove, issuer.token(), issuer.provider(key_set=json.dumps({"keys": [jwk]})))


def vars_of(numbers: rsa.RSAPublicNumbers) -> list[tuple[str, int]]:
    return [("n", numbers.n), ("e", numbers.e)]


@pytest.mark.parametrize(
    "typ", ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "sts-session+jwt", "secevent+jwt", "JOSE", "x"]
)
def test_j_07_a_token_of_another_type_is_no_identity_token(issuer: Issuer, prove: Prove, typ: str) -> None:
    _refuses(prove, sign(issuer.header(typ=typ), issuer.claims(), issuer.key), match="type")


def test_j_07_a_logout_token_without_its_type_is_no_identity_token(issuer: Issuer, prove: Prove) -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    _refuses(prove, issuer.token(events=events), match="event")


@pytest.mark.parametrize("extra", [{"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}])
def test_j_14_a_header_that_asks_for_more_than_is_understood_is_refused(
    issuer: Issuer, prove: Prove, extra: dict[str, Any]
) -> None:
    _refuses(prove, sign(issuer.header(**extra), issuer.claims(), issuer.key))


def test_r_15_an_issuer_is_registered_letter_by_letter(issuer: Issuer, prove: Prove) -> None:
    for alike in (
        f"{ISSUER}/",
        ISSUER.upper(),
        ISSUER.replace("issuer", "Issuer"),
        ISSUER.replace("https", "http"),
        ISSUER.replace(".com", ".com:443"),
        ISSUER.replace(".com", ".com."),
        ISSUER.replace("issuer", "\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ssuer"),
        ISSUER.replace("realm", "%72ealm"),
        ISSUER.replace("realm", "x/../realm"),
        f"{ISSUER}#",
        f"{ISSUER}?",
        f" {ISSUER}",
    ):
        _refuses(prove, issuer.token(iss=alike), match="No OpenIDConnect provider found")


@pytest.mark.parametrize("iss", [..., None, "", 7, [ISSUER], {ISSUER: 1}, "x" * 256, f"{ISSUER}\n", f"{ISSUER}\0"])
def test_r_15_an_issuer_is_a_short_text(issuer: Issuer, prove: Prove, iss: Any) -> None:
    _refuses(prove, issuer.token(iss=iss), match="iss")


def test_j_09_the_key_of_one_issuer_signs_nothing_for_another(issuer: Issuer, clock: ManualClock, prove: Prove) -> None:
    other = Issuer(clock, "https://other.example.com")
    both = (issuer.provider(), other.provider())
    assert prove(other.token(), *both).issuer == other.issuer
    _refuses(prove, sign(other.header(), other.claims(iss=ISSUER), other.key), *both, match="key is unknown")
    posing = sign(other.header(kid=issuer.key.kid), other.claims(iss=ISSUER), other.key)
    _refuses(prove, posing, *both, match="signature")


def test_r_15_a_provider_of_another_account_or_a_disabled_one_looks_like_none(issuer: Issuer, prove: Prove) -> None:
    elsewhere = replace(issuer.provider(), account_id="444455556666")
    disabled = replace(issuer.provider(), enabled=False)
    said = set()
    for provider in (elsewhere, disabled):
        with pytest.raises(IdentityTokenInvalid) as refused:
            prove(issuer.token(), provider)
        said.add(refused.value.message)
    assert said == {f"No OpenIDConnect provider found in your account for {ISSUER}"}


@pytest.mark.parametrize("own", [OWN_ISSUER, f"{OWN_ISSUER}/outbound/b1946ac9"])
def test_r_15_tokens_of_this_service_are_not_taken_though_somebody_registers_it(
    issuer: Issuer, prove: Prove, own: str
) -> None:
    issuer.issuer = own
    _refuses(prove, issuer.token(), match="of this service")


@pytest.mark.parametrize(
    "aud", [..., None, "", [], "stranger", ["stranger"], [CLIENT_ID, "stranger"], [7], {CLIENT_ID: 1}, f"{CLIENT_ID} "]
)
def test_r_04_a_token_for_anybody_who_is_not_registered_is_refused(issuer: Issuer, prove: Prove, aud: Any) -> None:
    _refuses(prove, issuer.token(aud=aud), match="Incorrect token audience")


@pytest.mark.parametrize("azp", ["stranger", "", None, 7, [CLIENT_ID]])
def test_r_04_a_token_that_a_stranger_asked_for_is_refused(issuer: Issuer, prove: Prove, azp: Any) -> None:
    token = issuer.token(azp=azp)
    if azp is None:  # `null` says no more than silence does
        assert prove(token).audience == CLIENT_ID
    else:
        _refuses(prove, token, match="Incorrect token audience")


def test_r_04_the_audience_is_who_asked_for_the_token(issuer: Issuer, prove: Prove) -> None:
    assert prove(issuer.token(aud=["other-client", CLIENT_ID])).audience == "other-client"
    assert prove(issuer.token(aud=[CLIENT_ID], azp="other-client")).audience == "other-client"
    nobody = replace(issuer.provider(), client_ids=())
    _refuses(prove, issuer.token(), nobody, match="Incorrect token audience")


@pytest.mark.parametrize("name", ["iat", "exp"])
@pytest.mark.parametrize(
    "value", [..., None, "1772452800", True, [], -1, -0.5, 1e18, 10**400], ids=lambda value: str(value)[:9]
)
def test_j_06_a_time_is_a_number_of_seconds(issuer: Issuer, prove: Prove, name: str, value: Any) -> None:
    _refuses(prove, issuer.token(**{name: value}))


@pytest.mark.parametrize("value", [None, "1772452800", True, [], -1, 1e18])
def test_j_06_a_beginning_that_is_stated_is_a_number_of_seconds(issuer: Issuer, prove: Prove, value: Any) -> None:
    _refuses(prove, issuer.token(nbf=value), match="nbf")


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"1" * 5000])
def test_j_06_a_time_that_no_number_can_hold_is_refused(issuer: Issuer, prove: Prove, number: bytes) -> None:
    claims = json.dumps(issuer.claims(exp=4242)).encode().replace(b"4242", number)
    _refuses(prove, sign(issuer.header(), claims, issuer.key))


def test_j_06_a_clock_may_be_off_by_a_minute_and_no_more(issuer: Issuer, clock: ManualClock, prove: Prove) -> None:
    now = int(issuer.now)
    assert prove(issuer.token(iat=now + 60, exp=now + 90))
    assert prove(issuer.token(nbf=now + 60))
    assert prove(issuer.token(iat=now - 300, exp=now - 59))
    _refuses(prove, issuer.token(iat=now + 61, exp=now + 90), match="not in force")
    _refuses(prove, issuer.token(nbf=now + 61), match="not in force")
    with pytest.raises(IdentityTokenExpired):
        prove(issuer.token(iat=now - 300, exp=now - 60))
    clock.tick(timedelta(hours=1))
    with pytest.raises(IdentityTokenExpired):
        prove(issuer.token(iat=now, exp=now + 300))


def test_j_06_fractions_of_a_second_are_taken_as_they_stand(issuer: Issuer, prove: Prove) -> None:
    now = issuer.now
    assert prove(issuer.token(iat=now - 0.25, exp=now + 0.5, nbf=now - 1.5, auth_time=now - 7.125))
    assert prove(issuer.token(iat=now - 300.5, exp=now - 59.5))
    with pytest.raises(IdentityTokenExpired):
        prove(issuer.token(iat=now - 300.5, exp=now - 60.5))


def test_j_06_a_life_of_nothing_or_of_years_is_refused(issuer: Issuer, prove: Prove) -> None:
    now = int(issuer.now)
    assert prove(issuer.token(exp=now + 366 * 86_400))
    for lifeless in ({"exp": now + 366 * 86_400 + 1}, {"exp": now}, {"exp": now - 1}, {"exp": 253_402_300_799}):
        _refuses(prove, issuer.token(**lifeless), match="life")


@pytest.mark.parametrize("sub", [..., None, "", 7, ["somebody"], {}, "s" * 256, "a\nb", "a\0b", "a\u202eb", "\ud800"])
def test_r_15_a_subject_is_a_name_of_at_most_255_characters(issuer: Issuer, prove: Prove, sub: Any) -> None:
    _refuses(prove, issuer.token(sub=sub))


@pytest.mark.parametrize(
    "sub", ["s", "s" * 255, "repo:o/r:ref:refs/heads/Straße", "system:serviceaccount:a:b", "a b|c"]
)
def test_r_15_a_subject_is_returned_as_it_stands(issuer: Issuer, prove: Prove, sub: str) -> None:
    assert prove(issuer.token(sub=sub)).subject == sub


@pytest.mark.parametrize("value", ["\ud800", ["x", {"y": "\udfff"}], {"\udc00": 1}])
def test_j_13_half_a_character_in_any_claim_is_refused(issuer: Issuer, prove: Prove, value: Any) -> None:
    _refuses(prove, issuer.token(extra=value), match="half of a character")


def test_j_13_claims_are_one_object_in_utf_8_without_repeated_members(issuer: Issuer, prove: Prove) -> None:
    text = json.dumps(issuer.claims())
    deep = text[:-1] + ',"x":' + "[" * 5000 + "]" * 5000 + "}"
    for claims in (
        text[:-1] + ',"sub":"root"}',
        text[:-1] + ',"x":{"a":1,"a":2}}',
        text[:-1] + f',"iss":"{ISSUER}"' + "}",
        text + text,
        f"[{text}]",
        "null",
        "",
        deep,
        text[:-1],
    ):
        _refuses(prove, sign(issuer.header(), claims.encode(), issuer.key))
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        _refuses(prove, sign(issuer.header(), text.encode(encoding), issuer.key))
    _refuses(prove, sign(issuer.header(), text.encode().replace(b"somebody", b"some\xff\xfebody"), issuer.key))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}")])
def test_j_13_claims_are_nested_within_reason(issuer: Issuer, prove: Prove, opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        claims = json.dumps(issuer.claims())[:-1] + f',"x":{opening * depth}0{closing * depth}}}'
        return sign(issuer.header(), claims.encode(), issuer.key)

    assert prove(nested(31)).subject == "somebody"
    for depth in (32, 500, 2_000):
        _refuses(prove, nested(depth))


def test_j_15_a_token_has_one_spelling(issuer: Issuer, prove: Prove) -> None:
    token = issuer.token()
    head, body, signature = token.split(".")
    for spelled in (
        "",
        ".",
        "..",
        "a.b",
        f"{token}.",
        f".{token}",
        f"{head}=.{body}.{signature}",
        f"{token}=",
        f" {token}",
        f"{token}\n",
        f"{head}.{body}. {signature}",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        token.replace(".", "\N{FULLWIDTH FULL STOP}"),
        "x" * 20_001,
        json.dumps({"payload": body, "protected": head, "signature": signature}),
    ):
        _refuses(prove, spelled)


def test_an_uploaded_key_set_that_cannot_be_read_is_the_providers_fault(issuer: Issuer, prove: Prove) -> None:
    for key_set in ("", "{}", "[]", '{"keys":{}}'):
        with pytest.raises(IssuerUnreachable):
            prove(issuer.token(), issuer.provider(key_set=key_set))
