"""The deployment files of the checkout, and the secrets that the composition is given."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY


@pytest.fixture(scope="session")
def secrets() -> Iterator[Path]:
    """What make-secrets.sh makes, below /tmp, where the users that the files belong to may enter."""
    with tempfile.TemporaryDirectory(prefix="sts-secrets-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        script = ["sh", str(DEPLOY / "compose" / "make-secrets.sh"), "sts.example.com", str(folder / "made")]
        # Each file is given to another user, which only root may do.
        subprocess.run(script if os.getuid() == 0 else ["sudo", *script], check=True)
        yield folder / "made"
