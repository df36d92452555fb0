import pytest

from sts.directory.issuers import verify_issuer
from sts.errors import InputInvalid

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example",
        "https://idp.example/",
        "https://idp.example:8443/realms/main",
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "https://xn--bcher-kva.example",
        "https://192.0.2.7:8443",
        "https://[2001:db8::7]:8443/realm",
        "https://localhost",
        "https://idp.example/a%2Fb",
        "https://idp.example/" + "a" * 235,
    ],
)
def test_an_issuer_is_taken_as_it_is_written(issuer: str) -> None:
    assert verify_issuer(issuer, may_be_local=False) == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "idp.example",
        "http://idp.example",
        "HTTPS://idp.example",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://IdP.example",
        "https://idp.example.",
        "https://idp..example",
        "https://-idp.example",
        "https://idp_1.example",
        "https://büchér.example",
        "https://idp.\u0435xample",  # a Cyrillic letter
        "https://idp.example\uff0fpath",
        "https://idp.example:0",
        "https://idp.example:080",
        "https://idp.example:65536",
        "https://idp.example:",
        "https://user@idp.example",
        "https://user:secret@idp.example",
        "https://idp.example?x=1",
        "https://idp.example/path?x=1",
        "https://idp.example/path#fragment",
        "https://idp.example//path",
        "https://idp.example/./path",
        "https://idp.example/path/..",
        "https://idp.example/path/../",
        "https://idp.example/%2f",
        "https://idp.example/%zz",
        "https://idp.example/a*",
        "https://idp.example/a b",
        "https://idp.example/a\\b",
        "https://idp.example/path\n",
        "https://idp.example\n",
        "https://127.1",
        "https://0x7f000001",
        "https://0x7f.1",
        "https://2130706433",
        "https://0127.0.0.1",
        "https://[::FFFF]",
        "https://[0:0:0:0:0:0:0:1]",
        "https://[fe80::1%25eth0]",
        "https://[idp.example]",
        "https://::1",
        "https://" + "a" * 64 + ".example",
        "https://idp.example/" + "a" * 236,
    ],
)
def test_what_looks_like_an_issuer_and_is_none_is_refused(issuer: str) -> None:
    for may_be_local in (False, True):
        with pytest.raises(InputInvalid, match="Invalid Open ID Connect Provider URL"):
            verify_issuer(issuer, may_be_local=may_be_local)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "[::1]"])
def test_plain_http_is_for_loopback_and_only_where_that_is_allowed(host: str) -> None:
    issuer = f"http://{host}:8080/realm"
    assert verify_issuer(issuer, may_be_local=True) == issuer
    with pytest.raises(InputInvalid, match="begins with https"):
        verify_issuer(issuer, may_be_local=False)


@pytest.mark.parametrize("host", ["10.0.0.1", "192.0.2.7", "0.0.0.0", "[fe80::1]", "localhost.example"])  # noqa: S104
def test_plain_http_to_another_host_is_refused_all_the_same(host: str) -> None:
    with pytest.raises(InputInvalid, match="begins with https"):
        verify_issuer(f"http://{host}", may_be_local=True)
