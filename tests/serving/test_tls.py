import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from sts.cli.commands import main
from sts.errors import Refusal
from sts.limits import ServerLimits
from sts.serving.tls import load_tls
from tests.certificates import Authority
from tests.serving.conftest import Running, running

ROOT = Path(__file__).parents[2]
GET = b"GET /x HTTP/1.1\r\nHost: sts\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> tuple[Path, Path]:
    certificate, key = authority.sign("server", "127.0.0.1")
    key.chmod(0o600)
    return certificate, key


@pytest.fixture
def client(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


@pytest.fixture(scope="module")
def secure(files: tuple[Path, Path]) -> Iterator[Running]:
    with running(ServerLimits(), load_tls(*files)) as started:
        yield started


def test_requests_are_answered_over_tls(secure: Running, client: ssl.SSLContext) -> None:
    secure.tls = client
    line = secure.connect()
    line.send(GET)
    assert line.read_all().endswith(b"got /x ")
    assert secure.app.schemes[-1] == "https"


def test_limits_are_kept_over_tls(secure: Running, client: ssl.SSLContext) -> None:
    secure.tls = client
    assert secure.exchange(b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert secure.exchange(b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 20_000)).startswith(b"HTTP/1.1 414 ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(version: ssl.TLSVersion, secure: Running, client: ssl.SSLContext) -> None:
    client.minimum_version = client.maximum_version = version
    secure.tls = client
    assert secure.exchange(GET).endswith(b"got /x ")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(version: ssl.TLSVersion, secure: Running, client: ssl.SSLContext) -> None:
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.minimum_version = client.maximum_version = version
    secure.tls = client
    with pytest.raises(ssl.SSLError):
        secure.connect()
    assert secure.server.tls is not None
    assert secure.server.tls.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_client_that_speaks_no_tls_gets_no_answer_in_clear(secure: Running) -> None:
    secure.tls = None
    assert b"HTTP" not in secure.exchange(GET)


def _encrypt(key: Path, folder: Path) -> Path:
    encrypted = folder / "encrypted.key"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(encrypted), "-passout", "pass:words"]
    subprocess.run(command, check=True, capture_output=True)
    encrypted.chmod(0o600)
    return encrypted


def _scramble(folder: Path) -> Path:
    scrambled = folder / "scrambled.pem"
    scrambled.write_text("nothing of the kind")
    scrambled.chmod(0o600)
    return scrambled


Spoil = Callable[[Path, Path, Path], tuple[Path, Path]]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "certificate missing": (lambda _, key, folder: (folder / "none.pem", key), "none.pem cannot be read: no such file"),
    "key missing": (lambda certificate, _, folder: (certificate, folder / "none.key"), "none.key cannot be read"),
    "certificate is a folder": (lambda _, key, folder: (folder, key), "cannot be read: is a directory"),
    "certificate is none": (lambda _, key, folder: (_scramble(folder), key), "scrambled.pem"),
    "key is none": (lambda certificate, _, folder: (certificate, _scramble(folder)), "scrambled.pem"),
    "key is encrypted": (lambda certificate, key, folder: (certificate, _encrypt(key, folder)), "key .* is encrypted"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_files_that_cannot_be_used_are_refused_with_their_fault(
    name: str, files: tuple[Path, Path], tmp_path: Path
) -> None:
    spoil, words = SPOILT[name]
    with pytest.raises(Refusal, match=words):
        load_tls(*spoil(*files, tmp_path))


def test_a_key_of_another_certificate_is_refused(files: tuple[Path, Path], authority: Authority) -> None:
    _, other = authority.sign("other", "127.0.0.1")
    other.chmod(0o600)
    with pytest.raises(Refusal, match="key values mismatch"):
        load_tls(files[0], other)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_use_is_refused(mode: int, authority: Authority) -> None:
    certificate, key = authority.sign("shared", "127.0.0.1")
    key.chmod(mode)
    with pytest.raises(Refusal, match=f"can be used by others \\(mode {mode:04o}, wanted 0600\\)"):
        load_tls(certificate, key)


@pytest.mark.parametrize("option", ["--tls-cert", "--tls-key"])
def test_certificate_and_key_go_together(option: str, files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(main, ["serve", option, str(files[0])])
    assert result.exit_code == 2
    assert "--tls-cert and --tls-key go together" in result.stderr


def test_the_command_serves_https_for_an_issuer_that_is_https(
    home: Path, files: tuple[Path, Path], client: ssl.SSLContext
) -> None:
    words = ["--port", "0", "--json", "--tls-cert", str(files[0]), "--tls-key", str(files[1])]
    environment = {**os.environ, "STS_HOME": str(home), "STS_ISSUER": "https://127.0.0.1", "STS_DRAIN_SECONDS": "0"}
    command = [sys.executable, "-m", "sts", "serve", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "running on" in line)
            url = line.split("running on ")[1].split('"')[0]
            assert url.startswith("https://127.0.0.1:")
            with httpx2.Client(trust_env=False, verify=client) as caller:
                assert caller.get(f"{url}/readyz").status_code == 200
        finally:
            process.kill()
