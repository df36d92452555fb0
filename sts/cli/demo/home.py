"""The folder of the demo: the service's own files, and beside them the credentials that a second run needs."""

import os
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sts.model import Secret

ADMIN: Final = "admin"
REGION: Final = "us-east-1"  # any would do; AWS clients want one
_LOOPBACK = "127.0.0.1"
_NOT_OURS = ("AWS_", "STS_")


@dataclass(frozen=True, slots=True)
class Keys:
    """AWS credentials; *session_token* only with temporary ones."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None

    def as_environment(self) -> Mapping[str, str]:
        """Return the variables in which every AWS client finds them."""
        found = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": str(self.secret_access_key)}
        return found if self.session_token is None else {**found, "AWS_SESSION_TOKEN": str(self.session_token)}


@dataclass(frozen=True, slots=True)
class Home:
    """The folder, private to the user who runs the demo."""

    folder: Path

    @property
    def credentials(self) -> Path:
        """The credentials, in AWS's shared format, a profile for each user."""
        return self.folder / "credentials"

    @property
    def log(self) -> Path:
        """What the service says while it runs."""
        return self.folder / "serve.log"

    @property
    def key_set(self) -> Path:
        """The service's public keys, as they were last fetched."""
        return self.folder / "jwks.json"

    def open(self) -> None:
        """Make the folder, or take it back from the eyes of others."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o700)

    def has_store(self) -> bool:
        """Return whether an earlier run has made the store."""
        return (self.folder / "sts.db").exists()

    def find_keys(self, profile: str) -> Keys | None:
        """Return the kept credentials of *profile*, unless the store that they belong to is gone."""
        kept = self._read()
        if not kept.has_section(profile) or not self.has_store():
            return None
        return Keys(kept[profile]["aws_access_key_id"], Secret(kept[profile]["aws_secret_access_key"]))

    def keep_keys(self, profile: str, keys: Keys) -> None:
        """Keep *keys* under *profile*. What the administrator of an earlier store was followed by goes."""
        kept = ConfigParser(interpolation=None) if profile == ADMIN else self._read()
        kept[profile] = {
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": str(keys.secret_access_key),
        }
        fresh = self.credentials.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # Private from its first byte: a file that is written and closed to others afterwards can be read in between.
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  Path.open takes no descriptor
            kept.write(file)
        fresh.replace(self.credentials)

    def _read(self) -> ConfigParser:
        kept = ConfigParser(interpolation=None)
        kept.read(self.credentials, encoding="utf-8")
        return kept


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* without the reader's own AWS and STS settings, and with no proxy before loopback.

    Otherwise a profile of the reader's might send a call of the demo to AWS itself, with the reader's credentials.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(_NOT_OURS)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), _LOOPBACK)))
    return kept


def client_environment(endpoint: str) -> Mapping[str, str]:
    """Return what an AWS client needs to know beside credentials: where the service is, and nothing of the reader's."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
