import pytest

from sts.cache.address import Address, Form, Login, Place, Tls, parse_address
from sts.errors import Malformed
from sts.model import Secret
from sts.settings import SettingsInvalid, read_settings

pytestmark = pytest.mark.pure


def _address(form: Form, *places: Place, master: str = "", database: int = 0, login: Login | None = None) -> Address:
    return Address(
        form=form,
        places=places,
        login=login or Login(),
        tls=None,
        database=database,
        master=master,
        sentinel_login=Login(),
    )


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", _address(Form.SINGLE, Place("cache", 6379))),
        ("redis://10.0.0.1:6380/3", _address(Form.SINGLE, Place("10.0.0.1", 6380), database=3)),
        ("redis://[::1]", _address(Form.SINGLE, Place("::1", 6379))),
        ("redis://[::1]:7000/", _address(Form.SINGLE, Place("::1", 7000))),
        (
            "redis://us%40er:p%3Aa%2Fss:word@cache",
            _address(Form.SINGLE, Place("cache", 6379), login=Login("us@er", Secret("p:a/ss:word"))),
        ),
        ("redis://:word@cache", _address(Form.SINGLE, Place("cache", 6379), login=Login(None, Secret("word")))),
        (
            "redis+sentinel://a,b:26380,[fd00::1]:1/main/2",
            _address(
                Form.SENTINEL,
                Place("a", 26379),
                Place("b", 26380),
                Place("fd00::1", 1),
                master="main",
                database=2,
            ),
        ),
        ("redis+sentinel://a/ma%2Fin", _address(Form.SENTINEL, Place("a", 26379), master="ma/in")),
        ("redis+cluster://a:7000,b", _address(Form.CLUSTER, Place("a", 7000), Place("b", 6379))),
        ("redis+cluster://a/0", _address(Form.CLUSTER, Place("a", 6379))),
    ],
)
def test_each_form_is_read(url: str, address: Address) -> None:
    assert parse_address(url) == address


def test_tls_is_read_with_its_files() -> None:
    assert parse_address("rediss://cache").tls == Tls()
    assert parse_address("rediss+cluster://a,b?ca=/ca.pem").tls == Tls("/ca.pem")
    assert parse_address("rediss://cache?ca=/ca.pem&cert=/c.pem&key=/k%20k").tls == Tls("/ca.pem", "/c.pem", "/k k")


def test_sentinels_may_have_a_login_of_their_own() -> None:
    address = parse_address("redis+sentinel://u:p@a/main?sentinel_username=s&sentinel_password=w%26")
    assert (address.login, address.sentinel_login) == (Login("u", Secret("p")), Login("s", Secret("w&")))


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        ("", ["begins with"]),
        ("http://cache", ["begins with"]),
        ("redis+else://cache", ["begins with"]),
        ("redis://", ["host 1 is missing"]),
        ("redis://:6379", ["host 1 is missing"]),
        ("redis://[::1", ["bracket"]),
        ("redis://::1", ["host 1"]),
        ("redis://cache:port", ["the port of host 1"]),
        ("redis://cache:0", ["the port of host 1"]),
        ("redis://cache:65536", ["the port of host 1"]),
        ("redis://cache:٣", ["the port of host 1"]),
        ("redis://a,b", ["more than one host"]),
        ("redis://cache/one", ["number of a database"]),
        ("redis://cache/1/2", ["number of a database"]),
        ("redis://user@cache", ["USER:PASSWORD"]),
        ("redis://cache?ca=/ca.pem", ["it takes none"]),
        ("rediss://cache?ca=", ["only ca, cert, key"]),
        ("rediss://cache?ca=/a&ca=/b", ["only ca, cert, key"]),
        ("rediss://cache?verify=no", ["only ca, cert, key"]),
        ("rediss://cache?cert=/c.pem", ["cert and key"]),
        ("redis://cache#1", ["%23"]),
        ("redis+sentinel://a", ["name of the master"]),
        ("redis+sentinel://a/", ["name of the master"]),
        ("redis+cluster://a/1", ["no database but 0"]),
        ("redis+cluster://a,:1,b:x/1?db=2", ["host 2", "port of host 3", "no database but 0", "it takes none"]),
    ],
)
def test_every_fault_is_told(url: str, faults: list[str]) -> None:
    with pytest.raises(Malformed) as refused:
        parse_address(url)
    assert [fault for fault in faults if fault not in refused.value.message] == []


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hunter2@",
        "redis://:hunter2/hunter2@cache",
        "redis://:hunter2?hunter2=hunter2@cache",
        "redis://:hunter2#hunter2@cache",
        "redis://user:hunter2@cache:hunter2/hunter2?hunter2=hunter2#hunter2",
        "user:hunter2@cache",
        "hunter2://cache",
        "redis://[hunter2@cache",
    ],
)
def test_no_fault_quotes_a_password(url: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings({"STS_CACHE_URL": url, "STS_ISSUER": "http://example.com"})
    told = refused.value.message
    assert "STS_CACHE_URL: " in told
    assert "STS_ISSUER: " in told
    assert "hunter2" not in told


def test_the_settings_show_no_password() -> None:
    settings = read_settings({"STS_CACHE_URL": "redis://:hunter2@cache"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(parse_address(settings.cache_url))


def test_files_that_cannot_be_read_are_told_at_the_start() -> None:
    url = f"rediss://cache?ca={__file__}&cert=/nowhere/c.pem&key=/nowhere/k.pem"
    with pytest.raises(SettingsInvalid, match=r"STS_CACHE_URL: it cannot read the file of cert, key$"):
        read_settings({"STS_CACHE_URL": url})
    assert read_settings({"STS_CACHE_URL": f"rediss://cache?ca={__file__}"}).cache_url.startswith("rediss")
