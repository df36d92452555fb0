"""The AWS SDK for JavaScript, version 3, unmodified: its stories stand in walk.mjs."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.installed import get_installed
from tests.service import REGION, Service
from tests.signing import Key

NOTHING: Mapping[str, str] = MappingProxyType({})
WALK = Path(__file__).with_name("walk.mjs")


def walk(story: str, server: Service, key: Key, environment: Mapping[str, str] = NOTHING, **more: Any) -> Any:
    """Have the SDK walk through *story* with *key* and return what it found, in *environment*."""
    given = {
        "endpoint": server.url,
        "region": REGION,
        "accessKeyId": key.access_key_id,
        "secretAccessKey": key.secret,
        "sessionToken": key.token,
        **more,
    }
    done = subprocess.run(
        [get_installed("TEST_NODE"), str(WALK), story],
        env={
            "PATH": os.environ["PATH"],
            "TEST_NODE_MODULES": get_installed("TEST_NODE_MODULES"),
            "WALK": json.dumps(given),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
