import pytest

from sts.urls import mask_url

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://sts:hush@db.example/sts", "postgresql://sts:***@db.example/sts"),
        ("postgresql://sts:hush@a:1,b:2/sts?sslmode=require", "postgresql://sts:***@a:1,b:2/sts?sslmode=require"),
        ("redis://:hush@[::1]:6379/0", "redis://:***@[::1]:6379/0"),
        ("redis+sentinel://a:1/x?sentinel_password=hush&db=1", "redis+sentinel://a:1/x?sentinel_password=***&db=1"),
        ("postgresql://sts@db.example/sts", "postgresql://sts@db.example/sts"),
        ("sqlite:////var/lib/sts/sts.db", "sqlite:////var/lib/sts/sts.db"),
        ("memory://", "memory://"),
        # What is not percent-encoded breaks the URL, and must not show what was meant to be a password.
        ("postgresql://sts:hu/sh@db.example/sts", "postgresql://sts:***@db.example/sts"),
        ("postgresql://sts:hu@sh@db.example/sts", "postgresql://sts:***@db.example/sts"),
        ("redis://sts:hu?s#h@db.example", "redis://sts:***@db.example"),
    ],
)
def test_a_password_in_a_url_is_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked
