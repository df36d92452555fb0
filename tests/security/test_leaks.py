"""No secret, token or signature is found where it does not belong: logs, records, errors, the store."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sts.arn import iam_arn
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from sts.settings import read_settings
from tests.authenticator import Authenticator
from tests.security.forging import begin_session
from tests.security.rotating import until
from tests.security.stored import read_records
from tests.security.wire import Request, Signing, form, invoke, post, presign, send, sign_headers
from tests.service import Reply, Service, Tenant, allow
from tests.signing import Key

ROOT = Path(__file__).parents[2]


@dataclass
class Watched:
    """A real `sts serve`, its log, and every value that must show nowhere."""

    service: Service
    log: Path
    canaries: dict[str, str] = field(default_factory=dict)
    errors: list[Reply] = field(default_factory=list)

    def watch(self, what: str, value: str | None) -> None:
        assert value
        self.canaries[what] = value

    def send(self, what: str, request: Request) -> Reply:
        """Send *request*, whose signature is a secret from here on; an error is kept."""
        parts = [request.query, dict(request.headers).get("authorization", "")]
        for part in parts:
            if "Signature=" in part:
                self.watch(f"signature {len(self.canaries)}, of {what}", part.rpartition("Signature=")[2])
        reply = send(self.service, request)
        if reply.status != 200:
            self.errors.append(reply)
        return reply


@contextmanager
def _serve(home: Path) -> Iterator[Watched]:
    log = home / "log"
    environment = {**os.environ, "STS_HOME": str(home), "STS_DRAIN_SECONDS": "0"}
    command = [sys.executable, "-m", "sts", "serve", "--port", "0", "--log-level", "debug", "--json"]
    with log.open("wb") as out, subprocess.Popen(command, stderr=out, stdout=out, env=environment, cwd=ROOT) as process:
        try:
            text = until(log.read_text, lambda told: "running on http://" in told or process.poll() is not None)
            url = "http://" + text.split("running on http://")[1].split()[0].rstrip('",')
            settings = read_settings({"STS_HOME": str(home)})
            yield Watched(Service(settings, SystemClock(), Entropy(), url), log)
        finally:
            process.terminate()
            process.wait()


def _sign(watched: Watched, key: Key, body: bytes, of: str = "sts") -> Request:
    return sign_headers(post(watched.service, body), key, watched.service.clock.now(), Signing(service=of))


def _begin(watched: Watched, tenant: Tenant) -> Key:
    watched.watch("administrator's secret", tenant.key.secret)
    root = watched.service.root_key(tenant)
    watched.watch("root's secret", root.secret)
    assert watched.send("root", _sign(watched, root, form("GetCallerIdentity"))).status == 200
    made = watched.send("making a key", _sign(watched, tenant.key, form("CreateAccessKey", "iam"), "iam"))
    watched.watch("secret of a second key", made.text("SecretAccessKey"))
    _show_codes(watched, tenant)
    _show_passwords(watched, tenant)
    session = begin_session(watched.service, tenant, Policy=allow("*"))
    watched.watch("session's secret", session.secret)
    watched.watch("session's token", session.token)
    return session


def _show_codes(watched: Watched, tenant: Tenant) -> None:
    """Enable a device, and show it codes that are right and wrong."""
    made = form("CreateVirtualMFADevice", "iam", VirtualMFADeviceName="phone")
    device = watched.send("making a device", _sign(watched, tenant.key, made, "iam"))
    seed = base64.b64decode(device.text("Base32StringSeed")).decode()
    watched.watch("seed of a device", seed)
    watched.watch("seed of a device, in hexadecimal", base64.b32decode(seed).hex())
    shown, authenticator = {"SerialNumber": device.text("SerialNumber")}, Authenticator(seed)
    pair = authenticator.pair(watched.service.clock.now())
    enabling = form("EnableMFADevice", "iam", UserName="admin", **shown, **pair)
    for status in (200, 409):
        assert watched.send("a device", _sign(watched, tenant.key, enabling, "iam")).status == status
    role = {"RoleArn": iam_arn(tenant.account_id, "role/none"), "RoleSessionName": "session", **shown}
    for steps in (1, 1, 40):
        code = authenticator.code(watched.service.clock.now(), steps)
        assumed = _sign(watched, tenant.key, form("AssumeRole", **role, TokenCode=code))
        assert watched.send("a code", assumed).status == 403


def _show_passwords(watched: Watched, tenant: Tenant) -> None:
    """Set passwords and change them, right, wrong and refused: each to be found nowhere."""
    first, chosen, wrong, short = (f"{what} {Entropy().nonce()}" for what in ("first", "chosen", "wrong", "s"))
    for what, password in (("first", first), ("chosen", chosen), ("wrong", wrong)):
        watched.watch(f"password, {what}", password)
    watched.watch("password, too short", short[:7])
    asked: tuple[tuple[str, Mapping[str, str], int], ...] = (
        ("CreateLoginProfile", {"UserName": "admin", "Password": first}, 200),
        ("CreateLoginProfile", {"UserName": "admin", "Password": first}, 409),
        ("UpdateLoginProfile", {"UserName": "admin", "Password": short[:7]}, 400),
        ("UpdateLoginProfile", {"UserName": "admin", "Password": wrong + "\N{GRINNING FACE}"}, 400),
        ("ChangePassword", {"OldPassword": wrong, "NewPassword": chosen}, 403),
        ("ChangePassword", {"OldPassword": first, "NewPassword": chosen}, 200),
        ("ChangePassword", {"OldPassword": chosen, "NewPassword": first, "Password": wrong}, 400),
    )
    for name, parameters, status in asked:
        request = _sign(watched, tenant.key, form(name, "iam", **parameters), "iam")
        assert watched.send("a password", request).status == status, name


def _succeed(watched: Watched, tenant: Tenant, session: Key) -> None:
    now = watched.service.clock.now()
    for key in (tenant.key, session):
        assert watched.send("a call", _sign(watched, key, form("ListUsers", "iam"), "iam")).status == 200
        assert watched.send("a URL", presign(watched.service, key, now, "60")).status == 200
    arn = iam_arn(tenant.account_id, "role/reader")
    chained = watched.send("a hop", _sign(watched, session, form("AssumeRole", RoleArn=arn, RoleSessionName="hop")))
    assert chained.status == 403  # the role trusts the administrator alone
    audit = Request(method="GET", path="/api/audit/records", headers=(("host", watched.service.host),))
    assert watched.send("reading", sign_headers(audit, tenant.key, now)).status == 200


def _fail(watched: Watched, tenant: Tenant, session: Key) -> None:
    """Send every secret in every place where a client that is wrong or broken may put it."""
    service, now = watched.service, watched.service.clock.now()
    assert session.token is not None
    guess = "guess" + Entropy().nonce()
    watched.watch("a wrong secret", guess)
    identify = form("GetCallerIdentity")
    requests = [
        _sign(watched, replace(tenant.key, secret=guess), identify),
        _sign(watched, replace(session, secret=guess), identify),
        _sign(watched, replace(session, access_key_id=tenant.key.access_key_id), identify),
        _sign(watched, replace(session, token=session.token[:-1]), identify),
        _sign(watched, replace(tenant.key, token=session.token), identify),
        _sign(watched, tenant.key, identify, "iam"),
        presign(service, replace(session, secret=guess), now),
        presign(service, session, now, "0"),
        presign(service, session, now.replace(year=2025), "60"),
        replace(_sign(watched, session, identify), method="PUT"),
        replace(_sign(watched, session, identify), body=b"\xff"),
        replace(_sign(watched, session, identify), path="/nowhere"),
        replace(presign(service, session, now), path="/nowhere"),
        replace(presign(service, session, now), path="/api/audit/records"),
        _sign(watched, session, form("CreateUser", "iam", UserName="a b"), "iam"),
        _sign(watched, session, form("NoSuchThing")),
    ]
    headers = ["authorization", "x-amz-security-token", "x-amz-content-sha256", "x-amz-date", "x-amz-target", "cookie"]
    for value in (session.token, session.secret, f"Bearer {session.token}", f"Basic {tenant.key.secret}"):
        requests += [post(service).having((name, value)) for name in headers if name != "x-amz-target"]
    for request in requests:
        assert watched.send("a failure", request).status >= 400
    for text in (
        f"AWS4-HMAC-SHA256 {session.token}",
        f"AWS4-HMAC-SHA256 Credential={session.token}, Signature={guess}",
    ):
        assert watched.send("a scheme", post(service).having(("authorization", text))).status >= 400


def _break(watched: Watched, tenant: Tenant, session: Key) -> None:
    """Let the store fail under calls that carry and make secrets."""
    database = watched.service.database_path
    for path in (database, database.with_name("sts.db-wal")):
        path.write_bytes(b"\xa5" * path.stat().st_size)
    names = ("CreateAccessKey", "ListUsers", "GetUser")
    requests = [
        _sign(watched, key, form(name, "iam", UserName="admin") if name != "ListUsers" else form(name, "iam"), "iam")
        for key in (tenant.key, session)
        for name in names
    ]
    # What a connection has in memory it may still answer from.
    assert 503 in {watched.send("a fault", request).status for request in requests}
    until(watched.log.read_text, lambda text: "failed" in text)


def _spellings(value: str) -> set[bytes]:
    """Return *value* as it stands, as escapes would write it, and encoded; of what is long its middle suffices."""
    raw = value.encode()
    middle = raw if len(raw) < 100 else raw[len(raw) // 2 : len(raw) // 2 + 60]
    encoded = base64.b64encode(raw).rstrip(b"=")[:-2]
    return {middle, encoded, raw.hex().encode(), json.dumps(value)[1:-1].encode()}


def _find(canaries: dict[str, str], haystack: bytes) -> list[str]:
    return [what for what, value in canaries.items() if any(each in haystack for each in _spellings(value))]


def _stored(service: Service) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(service.database_path.parent.glob("sts.db*")))


def test_secrets_tokens_and_signatures_show_nowhere(home: Path) -> None:
    with _serve(home) as watched:
        tenant = watched.service.tenant()
        session = _begin(watched, tenant)
        _succeed(watched, tenant, session)
        _fail(watched, tenant, session)
        assert len(watched.canaries) > 30
        stored = _stored(watched.service)
        assert session.access_key_id.encode() in stored  # what is looked for in the right place would be found
        assert _find(watched.canaries, stored) == []
        records = json.dumps(read_records(watched.service), ensure_ascii=False).encode()
        assert _find(watched.canaries, records) == []
        assert _find(watched.canaries, send(watched.service, Request(method="GET", path="/metrics")).body) == []
        _break(watched, tenant, session)
    log = watched.log.read_bytes()
    assert b"store" in log
    assert _find(watched.canaries, log) == []
    assert len(watched.errors) > 40
    for reply in watched.errors:
        assert _find(watched.canaries, reply.body + repr(reply.headers).encode()) == []


def test_a_secret_access_key_is_sealed_and_a_session_token_is_kept_nowhere(service: Service, tenant: Tenant) -> None:
    session = begin_session(service, tenant)
    assert invoke(service, session, "GetCallerIdentity", "sts").status == 200
    keyring = open_keyring(service.settings.keys_dir, service.clock, Entropy(), create=False)
    with closing(sqlite3.connect(service.database_path)) as connection:
        rows = connection.execute("SELECT access_key_id, sealed_secret FROM access_key").fetchall()
    opened = {name: keyring.open_sealed(sealed, name.encode()).decode() for name, sealed in rows}
    assert opened == {tenant.key.access_key_id: tenant.key.secret}
    assert session.token is not None
    assert (
        _find({"token": session.token, "secret": session.secret, "sealed": tenant.key.secret}, _stored(service)) == []
    )
