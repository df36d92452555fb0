import json
from pathlib import Path
from typing import Any

import pytest

from sts.crypto.jwk import generate_signing_key, parse_key_set, render_jwk, render_private_jwk
from sts.directory.key_sets import verify_authorities, verify_key_set
from sts.errors import InputInvalid
from tests.certificates import Authority

pytestmark = pytest.mark.pure

EC, OTHER, OKP = (generate_signing_key(name) for name in ("ES256", "ES256", "EdDSA"))
RSA = render_jwk(generate_signing_key("RS256").verification_key())
PUBLIC = render_jwk(EC.verification_key())
WEAK = {"kty": "RSA", "kid": "weak", "n": "x" * 172, "e": "AQAB"}


def key_set(*keys: Any) -> str:
    return json.dumps({"keys": keys})


def test_the_keys_that_verify_are_kept_with_nothing_else() -> None:
    encrypting = {**RSA, "kid": "enc", "use": "enc"}
    kept = verify_key_set(key_set({**PUBLIC, "x5c": ["certificate"], "note": "n"}, encrypting), ["ES256"])
    assert json.loads(kept) == {"keys": [PUBLIC]}
    assert verify_key_set(kept, ["ES256"]) == kept
    assert parse_key_set(kept.encode()).keys == (EC.verification_key(),)


def test_a_key_that_does_not_name_its_algorithm_is_kept_so() -> None:
    bare = {name: value for name, value in RSA.items() if name != "alg"}
    kept = verify_key_set(key_set(bare), ["PS256"])
    assert json.loads(kept) == {"keys": [bare]}


def test_keys_of_several_algorithms_may_have_no_kid_when_they_are_told_apart_by_it() -> None:
    nameless = [{n: v for n, v in render_jwk(key.verification_key()).items() if n != "kid"} for key in (EC, OKP)]
    assert len(json.loads(verify_key_set(key_set(*nameless), ["ES256"]))["keys"]) == 2


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"keys": [], "keys": []}', "not a JSON object"),
        ('{"keys": "\ud800"}', "not a JSON object"),
        ("{}", "1 to 100 keys"),
        (key_set(), "1 to 100 keys"),
        (key_set(*[PUBLIC] * 101), "1 to 100 keys"),
        (key_set("key"), "no JSON object"),
        (key_set({"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}), 'secret, in the key "shared"'),
        (key_set(PUBLIC, render_private_jwk(OTHER)), "holds a secret"),
        (key_set({**PUBLIC, "use": "enc", "d": "x"}), "holds a secret"),
        (key_set({**RSA, "p": "x"}), "holds a secret"),
        (key_set(PUBLIC, WEAK), 'not taken, "weak": An RSA key has 2048 to 8192 bits'),
        (key_set({**PUBLIC, "y": PUBLIC["x"]}), "not on the curve"),
        (key_set({**PUBLIC, "kty": "XX"}), "The key type is unknown"),
        (key_set(PUBLIC, PUBLIC), "several keys for ES256"),
        (key_set(PUBLIC, {**render_jwk(OTHER.verification_key()), "kid": PUBLIC["kid"]}), "several keys for ES256"),
        (key_set(RSA), "no key for ES256"),
        (key_set({**RSA, "use": "enc"}), "no key for ES256"),
        (key_set({**PUBLIC, "padding": "x" * 65_536}), "longer than 65536"),
    ],
)
def test_j_10_a_key_set_that_proves_nothing_or_too_much_is_refused_at_once(document: str, words: str) -> None:
    with pytest.raises(InputInvalid, match=words):
        verify_key_set(document, ["ES256"])


def test_certificates_of_cas_are_taken_as_they_are(tmp_path: Path) -> None:
    document = "# ours\n" + Authority(tmp_path / "one").file.read_text() + Authority(tmp_path / "two").file.read_text()
    assert verify_authorities(document) == document


def test_what_are_no_certificates_of_cas_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", "127.0.0.1")
    cases = {
        "": "not in PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "not in PEM",
        certificate.read_text(): "none of a CA",
        authority.file.read_text() + key.read_text(): "a private key",
        authority.file.read_text() * 200: "longer than 65536",
    }
    for document, words in cases.items():
        with pytest.raises(InputInvalid, match=words):
            verify_authorities(document)
