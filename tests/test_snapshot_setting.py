from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.settings import SettingsInvalid, read_settings


def test_what_a_process_remembers_of_the_store_is_bounded_by_the_setting(home: Path, clock: ManualClock) -> None:
    for environment, capacity in (({}, 256 << 20), ({"STS_SNAPSHOT_BYTES": "1000000"}, 1_000_000)):
        settings = read_settings({"STS_HOME": str(home), **environment})
        at = lay_foundation(settings, clock, Entropy())
        assert at.snapshot.capacity == capacity
        at.database.close()


@pytest.mark.parametrize("value", ["0", "-1", "256MB", "1e9", "1099511627777"])
def test_a_bound_that_is_none_refuses_the_start_and_is_named(value: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^STS_SNAPSHOT_BYTES: .* is not a number from 1 to 1099511627776$"):
        read_settings({"STS_SNAPSHOT_BYTES": value})
