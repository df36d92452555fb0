from datetime import timedelta
from ipaddress import ip_network

import pytest

from sts.errors import Malformed
from sts.limits import Rate, ServerLimits, parse_rate
from sts.settings import SETTINGS, SettingsInvalid, read_settings

pytestmark = pytest.mark.pure

WRONG = [
    ("STS_LIMIT_HEADERS", "0"),
    ("STS_LIMIT_HEADERS", "-1"),
    ("STS_LIMIT_HEADERS", "many"),
    ("STS_LIMIT_HEADERS", "\u0661\u0660"),
    ("STS_LIMIT_HEADERS", "99999999999999999999"),
    ("STS_LIMIT_HEAD_SECONDS", "0"),
    ("STS_LIMIT_HEAD_SECONDS", "nan"),
    ("STS_LIMIT_BODY_SECONDS", "inf"),
    ("STS_LIMIT_IDLE_SECONDS", "1 minute"),
    ("STS_DRAIN_SECONDS", "-1"),
    ("STS_FINISH_SECONDS", "86401"),
    ("STS_TRUSTED_PROXIES", "10.0.0.1/8"),
    ("STS_TRUSTED_PROXIES", "10.0.0.0/8,"),
    ("STS_TRUSTED_PROXIES", "balancer"),
    ("STS_TRUSTED_PROXIES", "*"),
    ("STS_RATE_FAILED_PROOFS", "50"),
    ("STS_RATE_FAILED_PROOFS", "0/5"),
    ("STS_RATE_CALLER", "5/0"),
    ("STS_RATE_CALLER", "1e3/5"),
]


def test_the_limits_are_the_documented_ones_unless_something_else_is_said() -> None:
    settings = read_settings({})
    assert settings.limits == ServerLimits()
    assert (settings.trusted_proxies, settings.failed_proofs, settings.caller_requests) == ((), Rate(50, 1_000), None)
    listed = {each.name: each.default for each in SETTINGS}
    ours = ("STS_LIMIT_", "STS_RATE_", "STS_DRAIN_", "STS_FINISH_", "STS_TRUSTED_")
    said = read_settings({name: default for name, default in listed.items() if name.startswith(ours)})
    assert said == settings


def test_every_limit_can_be_set() -> None:
    settings = read_settings(
        {
            "STS_LIMIT_HEADER_BYTES": "1",
            "STS_LIMIT_HEADERS": "2",
            "STS_LIMIT_URL_BYTES": "3",
            "STS_LIMIT_HEAD_SECONDS": "0.5",
            "STS_LIMIT_BODY_SECONDS": "5",
            "STS_LIMIT_IDLE_SECONDS": "6",
            "STS_LIMIT_CONNECTIONS": "7",
            "STS_DRAIN_SECONDS": "0",
            "STS_FINISH_SECONDS": "0",
            "STS_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8,127.0.0.1",
            "STS_RATE_FAILED_PROOFS": "off",
            "STS_RATE_CALLER": "0.5/10",
        }
    )
    assert settings.limits == ServerLimits(
        header_bytes=1,
        headers=2,
        url_bytes=3,
        head=timedelta(seconds=0.5),
        body=timedelta(seconds=5),
        idle=timedelta(seconds=6),
        connections=7,
        drain=timedelta(0),
        finish=timedelta(0),
    )
    assert settings.trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8", "127.0.0.1/32")))
    assert (settings.failed_proofs, settings.caller_requests) == (None, Rate(0.5, 10))


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_limit_that_is_none_refuses_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{name}: "):
        read_settings({name: value})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(dict(WRONG) | {"STS_ISSUER": "nonsense"})
    told = {line.partition(":")[0] for line in refused.value.message.splitlines()}
    assert told == {name for name, _ in WRONG} | {"STS_ISSUER"}


def test_a_rate_says_what_it_wants() -> None:
    with pytest.raises(Malformed, match="such as 50/1000"):
        parse_rate("fast")
