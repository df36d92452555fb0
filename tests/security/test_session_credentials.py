"""J-20: access key id, secret access key and session token belong together, whole and in their time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from tests.conftest import BEGINNING
from tests.security.forging import REFUSED, Forge, begin_session, join, split
from tests.security.wire import post, presign, send, sign_headers, told
from tests.service import Reply, Service, Tenant, running
from tests.signing import Key


def _identify(service: Service, key: Key) -> Reply:
    return send(service, sign_headers(post(service), key, service.clock.now()))


@pytest.fixture(scope="module")
def pair(still: Service) -> tuple[Key, Key]:
    """Two sessions of one role."""
    tenant = still.tenant()
    first = begin_session(still, tenant)
    return first, begin_session(still, tenant, DurationSeconds="900")


def test_j_20_a_session_is_proven_by_all_three_together(still: Service, pair: tuple[Key, Key]) -> None:
    for key in pair:
        assert _identify(still, key).status == 200
        assert send(still, presign(still, key, BEGINNING)).status == 200


def test_j_20_the_key_of_one_session_does_not_go_with_the_token_of_another(
    still: Service, pair: tuple[Key, Key]
) -> None:
    first, second = pair
    assert told(_identify(still, replace(first, token=second.token))) == REFUSED
    assert told(_identify(still, replace(second, token=first.token))) == REFUSED
    assert told(_identify(still, replace(first, access_key_id=second.access_key_id))) == REFUSED
    assert told(_identify(still, replace(first, secret=second.secret))) == (403, "SignatureDoesNotMatch")
    assert told(send(still, presign(still, replace(first, token=second.token), BEGINNING))) == REFUSED


def test_j_20_the_session_of_another_account_does_not_go_with_a_key(still: Service, pair: tuple[Key, Key]) -> None:
    theirs = begin_session(still, still.tenant())
    assert told(_identify(still, replace(pair[0], token=theirs.token))) == REFUSED
    assert told(_identify(still, replace(theirs, token=pair[0].token))) == REFUSED


def test_j_20_a_temporary_key_without_its_token_is_unknown(still: Service, pair: tuple[Key, Key]) -> None:
    assert told(_identify(still, replace(pair[0], token=None))) == REFUSED
    assert told(_identify(still, replace(pair[0], token=""))) == REFUSED


def test_j_20_a_long_term_key_has_no_token(still: Service, pair: tuple[Key, Key], guest: Tenant) -> None:
    assert told(_identify(still, replace(guest.key, token=pair[0].token))) == REFUSED
    assert told(_identify(still, replace(guest.key, token="x"))) == REFUSED
    assert _identify(still, guest.key).status == 200


def test_j_20_a_truncated_or_lengthened_token_is_refused(still: Service, pair: tuple[Key, Key]) -> None:
    token = pair[0].token
    assert token is not None
    for length in range(0, len(token), 7):
        assert told(_identify(still, replace(pair[0], token=token[:length]))) == REFUSED
    for other in (token[1:], token + "A", token + token, token + "." + token, token.swapcase(), "A" * 4097):
        assert told(_identify(still, replace(pair[0], token=other))) == REFUSED


def _flipped(token: str) -> Iterator[str]:
    """Yield the token with every seventh bit flipped in turn, where a header can carry what comes out."""
    for place in range(0, len(token) * 8, 7):
        character = chr(ord(token[place // 8]) ^ 1 << place % 8)
        if character.isprintable() and character != " ":
            yield token[: place // 8] + character + token[place // 8 + 1 :]


def test_j_20_a_token_with_a_flipped_bit_is_refused(still: Service, pair: tuple[Key, Key]) -> None:
    token = pair[0].token
    assert token is not None
    others = list(_flipped(token))
    assert len(others) > len(token) * 8 // 7 // 2
    for other in others:
        assert told(_identify(still, replace(pair[0], token=other))) == REFUSED


@pytest.mark.parametrize(
    "changes", [{"acct": "000000000000"}, {"pid": "AROAAAAAAAAAAAAAAAAAA"}, {"exp": 4_000_000_000}]
)
def test_j_20_claims_that_were_changed_under_the_old_signature_are_refused(
    forge: Forge, changes: dict[str, Any]
) -> None:
    header, _, signature = split(forge.make())
    assert told(forge.show(join(header, forge.changed(**changes), signature))) == REFUSED


def test_j_20_the_token_of_another_issuer_is_refused_though_its_key_is_shared(
    still: Service, home: Path, pair: tuple[Key, Key]
) -> None:
    with running(home, ManualClock(BEGINNING), STS_ISSUER="http://127.0.0.1:9999") as other:
        assert told(_identify(other, pair[0])) == REFUSED
        theirs = begin_session(other, other.tenant())
        assert _identify(other, theirs).status == 200
    assert told(_identify(still, theirs)) == REFUSED


def test_j_20_a_session_ends_at_its_second(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    session = begin_session(service, tenant, DurationSeconds="900")
    clock.tick(timedelta(seconds=899))
    assert _identify(service, session).status == 200
    clock.tick(timedelta(seconds=1))
    ended = _identify(service, session)
    assert told(ended) == (403, "ExpiredToken")
    assert ended.message == "The security token included in the request is expired"
    assert told(send(service, presign(service, session, clock.now()))) == (403, "ExpiredToken")


def test_j_20_a_presigned_url_ends_with_its_session(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    session = begin_session(service, tenant, DurationSeconds="900")
    url = presign(service, session, clock.now(), "604800")
    clock.tick(timedelta(seconds=899))
    assert send(service, url).status == 200
    clock.tick(timedelta(seconds=1))
    assert told(send(service, url)) == (403, "ExpiredToken")
