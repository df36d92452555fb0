from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.aws.iam.paging import Pager, read_limit
from sts.clock import ManualClock
from sts.errors import ParameterInvalid
from sts.keyring.keyring import Keyring, open_keyring
from sts.keyring.rotation import Purpose
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID

LONG = "p" * 140


def page(keyring: Keyring, items: list[str], command: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    shown, more = Pager(keyring).page(items, command, "ListUsers", ACCOUNT_ID, str)
    return list(shown), more


def mint(keyring: Keyring, position: str = "alice", **filters: Any) -> str:
    marker: str = page(keyring, [position, "next"], {"MaxItems": 1, **filters})[1]["Marker"]
    return marker


def test_a_page_has_a_hundred_items_unless_asked_otherwise() -> None:
    assert (read_limit({}), read_limit({"MaxItems": 1000}), read_limit({"MaxItems": 1})) == (101, 1001, 2)


def test_a_list_that_fits_is_not_truncated(keyring: Keyring) -> None:
    assert page(keyring, ["a", "b"], {"MaxItems": 2}) == (["a", "b"], {"IsTruncated": False})
    assert page(keyring, [], {}) == ([], {"IsTruncated": False})


def test_a_marker_leads_behind_the_last_item_shown(keyring: Keyring) -> None:
    shown, more = page(keyring, ["a", "b", "c"], {"MaxItems": 2, "PathPrefix": "/x/"})
    assert (shown, more["IsTruncated"]) == (["a", "b"], True)
    command = {"MaxItems": 2, "PathPrefix": "/x/", "Marker": more["Marker"]}
    assert Pager(keyring).after(command, "ListUsers", ACCOUNT_ID) == "b"


def test_without_a_marker_a_list_begins_at_its_beginning(keyring: Keyring) -> None:
    assert Pager(keyring).after({}, "ListUsers", ACCOUNT_ID) is None


def test_the_size_of_the_page_may_change_on_the_way(keyring: Keyring) -> None:
    assert Pager(keyring).after({"Marker": mint(keyring), "MaxItems": 7}, "ListUsers", ACCOUNT_ID) == "alice"


def test_the_longest_marker_is_one_that_the_model_takes_back(keyring: Keyring) -> None:
    assert len(mint(keyring, LONG)) <= 320


@pytest.mark.parametrize(
    ("operation", "account_id", "filters"),
    [
        ("ListGroups", ACCOUNT_ID, {}),
        ("ListUsers", OTHER_ACCOUNT_ID, {}),
        ("ListUsers", ACCOUNT_ID, {"PathPrefix": "/x/"}),
    ],
)
def test_a_marker_leads_nowhere_but_on_through_its_own_list(
    keyring: Keyring, operation: str, account_id: str, filters: dict[str, str]
) -> None:
    command = {"Marker": mint(keyring), **filters}
    with pytest.raises(ParameterInvalid, match=r"^Invalid Marker\.$"):
        Pager(keyring).after(command, operation, account_id)


def test_a_marker_changed_anywhere_is_refused(keyring: Keyring) -> None:
    marker = mint(keyring)
    for place in range(len(marker)):
        changed = marker[:place] + ("A" if marker[place] != "A" else "B") + marker[place + 1 :]
        with pytest.raises(ParameterInvalid):
            Pager(keyring).after({"Marker": changed}, "ListUsers", ACCOUNT_ID)


@pytest.mark.parametrize(
    "marker", ["", "x", "...", "1.1.YQ.YQ", "1.9.YQ.YQ", "2.1.YQ.YQ", "1.1.\xe9.YQ", "1.-1.YQ.YQ", "1.1._w.YQ"]
)
def test_what_was_never_a_marker_is_refused(keyring: Keyring, marker: str) -> None:
    with pytest.raises(ParameterInvalid):
        Pager(keyring).after({"Marker": marker}, "ListUsers", ACCOUNT_ID)


def test_an_old_marker_leads_on_after_a_rotation_of_its_key(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    keyring = open_keyring(tmp_path / "keys", clock, ENTROPY, create=True, algorithms=["ES256"])
    old = mint(keyring)
    keyring.rotate(Purpose.MARKER)
    clock.tick(timedelta(hours=1))
    new = mint(keyring)
    assert old.split(".")[1] != new.split(".")[1]
    for marker in (old, new):
        assert Pager(keyring).after({"Marker": marker}, "ListUsers", ACCOUNT_ID) == "alice"
