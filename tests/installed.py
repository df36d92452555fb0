"""The real programs that tests drive: tests/run.sh installs them and says in the environment where they are."""

import os

import pytest


def get_installed(variable: str) -> str:
    """Return the path that *variable* holds; a test whose program is missing fails, it is not skipped."""
    path = os.environ.get(variable)
    if not path:
        pytest.fail(f"{variable} is not set: run the tests with `bash tests/run.sh`, which installs what they need")
    return path
