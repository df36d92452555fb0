"""Keys rotate beside a running service, as an operator on its host rotates them."""

import time
from collections.abc import Callable
from typing import TypeVar

from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from sts.keyring.rotation import Purpose
from tests.service import Service

_T = TypeVar("_T")
_PATIENCE = 20  # seconds, far more than the service takes to follow its folder


def rotate(service: Service, purpose: Purpose, *, soon: bool = False, emergency: bool = False) -> None:
    """Make the next key of *purpose* in the folder of *service*."""
    beside = open_keyring(service.settings.keys_dir, service.clock, Entropy(), create=False)
    assert beside.rotate(purpose, soon=soon, emergency=emergency)


def until(ask: Callable[[], _T], wanted: Callable[[_T], bool]) -> _T:
    """Return the first answer to *ask* that is *wanted*."""
    ends_at = time.monotonic() + _PATIENCE
    while not wanted(answer := ask()):
        assert time.monotonic() < ends_at, answer
    return answer
