import pytest

from sts.errors import Malformed
from sts.model import Secret
from sts.settings import SettingsInvalid, read_settings
from sts.store.address import Address, Place, TlsMode, parse_address

pytestmark = pytest.mark.pure


def address(*places: Place, tls: TlsMode = TlsMode.VERIFY_FULL, password: str | None = None, **more: str) -> Address:
    told = {"database": "sts", "user": None, "ca": None, "certificate": None, "key": None} | more
    return Address(places=places, tls=tls, password=None if password is None else Secret(password), **told)  # type: ignore[arg-type]  # each is a text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://db/sts", address(Place("db", 5432))),
        ("postgres://db:6432/sts", address(Place("db", 6432))),
        (
            "postgresql://us%40er:p%3Aa%2Fss:word@db/sts",
            address(Place("db", 5432), user="us@er", password="p:a/ss:word"),
        ),
        ("postgresql://user:@db/sts", address(Place("db", 5432), user="user", password="")),
        ("postgresql://[fd00::1]:1,b,c:2/sts", address(Place("fd00::1", 1), Place("b", 5432), Place("c", 2))),
        ("postgresql://db/a%20b", address(Place("db", 5432), database="a b")),
        ("postgresql://127.0.0.1/sts", address(Place("127.0.0.1", 5432), tls=TlsMode.DISABLE)),
        (
            "postgresql://[::1],localhost/sts",
            address(Place("::1", 5432), Place("localhost", 5432), tls=TlsMode.DISABLE),
        ),
        ("postgresql://localhost,db/sts", address(Place("localhost", 5432), Place("db", 5432))),
        ("postgresql:///sts?host=/run/postgresql", address(Place("/run/postgresql", 5432), tls=TlsMode.DISABLE)),
        ("postgresql://u@/sts?host=/a&port=1", address(Place("/a", 1), tls=TlsMode.DISABLE, user="u")),
        ("postgresql://localhost/sts?sslmode=verify-full", address(Place("localhost", 5432))),
        ("postgresql://db/sts?sslmode=disable", address(Place("db", 5432), tls=TlsMode.DISABLE)),
        (
            "postgresql://db/sts?sslmode=verify-ca&sslrootcert=/a.pem&sslcert=/b.pem&sslkey=/c.key",
            address(Place("db", 5432), tls=TlsMode.VERIFY_CA, ca="/a.pem", certificate="/b.pem", key="/c.key"),
        ),
    ],
)
def test_an_address_is_read_with_all_its_parts(url: str, expected: Address) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://hush/sts", "it begins with sqlite:/// or postgresql://"),
        ("sqlite:hush", "it begins with"),
        ("postgresql://hush", "after the host stands /DATABASE"),
        ("postgresql://db/hush/hush", "after the host stands /DATABASE"),
        ("postgresql:///sts", "host 1 is missing"),
        ("postgresql://db,,hush/sts", "host 2 is missing"),
        ("postgresql://db:hush/sts", "the port of host 1 is not a number"),
        ("postgresql://db:65536/sts", "the port of host 1 is not a number from 1 to 65535"),
        ("postgresql://a:hush@b@c@/sts", "host 1 is missing"),
        ("postgresql://fd00::1/sts", "host 1 is missing or has not the form HOST:PORT"),
        ("postgresql://[::1/sts", "a host has a bracket too few"),
        ("postgresql://db/sts?sslmode=prefer", "sslmode is one of disable, require, verify-ca, verify-full"),
        ("postgresql://db/sts?sslmode=", "each once and with a value"),
        ("postgresql://db/sts?sslmode=disable&sslmode=require", "each once and with a value"),
        ("postgresql://db/sts?hush=1", "of options it takes only host, port, sslcert, sslkey, sslmode, sslrootcert"),
        ("postgresql://db/sts?sslcert=/hush", "sslcert and sslkey are given together"),
        ("postgresql://db/sts?host=/hush", "no host stands before /"),
        ("postgresql:///sts?port=5432", "the folder and number of a socket"),
        ("postgresql:///sts?host=/a&port=hush", "the option port is not a number"),
        ("postgresql:///sts?host=hush", "the folder and number of a socket"),
        ("postgresql://user:hu#sh@db/sts", "a # in user or password is written %23"),
    ],
)
def test_an_address_of_another_form_is_refused_and_not_quoted(url: str, fault: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_address(url)
    assert fault in refused.value.message
    assert "hush" not in refused.value.message


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Malformed, match="the port of host 1") as refused:
        parse_address("postgresql://db:0/sts?sslmode=allow")
    assert "sslmode is one of" in refused.value.message


def test_the_setting_says_what_is_wrong_and_shows_no_password() -> None:
    with pytest.raises(SettingsInvalid, match="STS_DATABASE_URL: after the host stands /DATABASE") as refused:
        read_settings({"STS_DATABASE_URL": "postgresql://user:hush@db"})
    assert "hush" not in str(refused.value)
    url = "postgresql://user:hush@db/sts"
    settings = read_settings({"STS_DATABASE_URL": url})
    assert settings.database_url == url
    assert "hush" not in f"{settings!r} {parse_address(url)!r}"
