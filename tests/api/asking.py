"""Commands of the administration, as tests send them and read their answers."""

import json
from collections.abc import Mapping
from typing import Any

from tests.service import Reply, Service
from tests.signing import Key

JSON = {"content-type": "application/json"}


def ask(
    service: Service, key: Key | None, path: str, members: Mapping[str, Any] | bytes, headers: dict[str, str] = JSON
) -> Reply:
    """POST a command: its members, or a body as it is."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return service.send(key, path=path, body=body, headers=headers)


def tell(reply: Reply) -> Any:
    """Return what the answer says; it must be that the thing is done."""
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def refusal(reply: Reply) -> tuple[int, str]:
    """Return status and code of an answer that refuses."""
    return reply.status, json.loads(reply.body)["__type"]
