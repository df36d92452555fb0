"""Lists in pages: MaxItems, Marker, IsTruncated (IAM API Reference, "ListUsers").

A marker says where the next page begins, and is authenticated: `1.KEY-VERSION.POSITION.MAC`, the last two as base64url
without padding. The MAC also covers the account, the operation and its filters, so that a marker leads nowhere but on
through the very list that it came from. It names the version of its key, so that it outlives a rotation.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sts.aws.row import Command, Result
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.errors import Malformed, ParameterInvalid, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose

_T = TypeVar("_T")
_MARK = "1"
_LABEL = b"iam-marker"
_PAGE = 100
_BESIDE_FILTERS = frozenset({"Marker", "MaxItems"})


def read_limit(command: Command) -> int:
    """Return how many items to fetch for a page: one more than are shown, which tells whether there are others."""
    return int(command.get("MaxItems", _PAGE)) + 1


@dataclass(frozen=True, slots=True)
class Pager:
    """Cuts lists into pages."""

    keyring: Keyring

    def after(self, command: Command, operation: str, account_id: str) -> str | None:
        """Return the position that the page begins behind, None for the first page.

        Raises ParameterInvalid for a marker that this very list of this account has not handed out.
        """
        if "Marker" not in command:
            return None
        try:
            version, position, mac = _parse_marker(command["Marker"])
            said = _said(command, operation, account_id, position)
            self.keyring.verify_mac(Purpose.MARKER, _LABEL, said, version=version, claimed=mac)
        except (ValueError, Malformed, SealBroken) as error:
            raise ParameterInvalid("Invalid Marker.", detail=f"marker of {operation} refused: {error}") from None
        return position

    def page(
        self, items: Sequence[_T], command: Command, operation: str, account_id: str, position: Callable[[_T], str]
    ) -> tuple[Sequence[_T], Result]:
        """Return what of *items* (at most `read_limit` of them) is shown, and the members that say whether more follow.

        *position* tells of an item where a page that begins behind it begins.
        """
        shown = items[: read_limit(command) - 1]
        if len(items) == len(shown):
            return shown, {"IsTruncated": False}
        return shown, {"IsTruncated": True, "Marker": self._mint(command, operation, account_id, position(shown[-1]))}

    def _mint(self, command: Command, operation: str, account_id: str, position: str) -> str:
        version, mac = self.keyring.mac(Purpose.MARKER, _LABEL, _said(command, operation, account_id, position))
        return f"{_MARK}.{version}.{encode_base64url(position.encode())}.{encode_base64url(mac)}"


def _said(command: Command, operation: str, account_id: str, position: str) -> bytes:
    filters = {name: value for name, value in command.items() if name not in _BESIDE_FILTERS}
    return json.dumps([account_id, operation, filters, position], sort_keys=True).encode()


def _parse_marker(marker: str) -> tuple[int, str, bytes]:
    mark, version, position, mac = marker.split(".")
    if mark != _MARK:
        raise ValueError("unknown version mark")
    return int(version), parse_base64url(position.encode()).decode(), parse_base64url(mac.encode())
