"""What the README gives to be pasted after `sts init` works when it is pasted."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.installed import get_installed
from tests.service import Service, Tenant

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_first_steps_of_the_readme_end_with_the_credentials_of_a_role(server: Service, resident: Tenant) -> None:
    blocks = _BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (steps,) = [block for block in blocks if "aws iam create-role" in block]
    environment = {
        "PATH": f"{Path(get_installed('TEST_AWS_V1')).parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": resident.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": resident.key.secret,
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        ["bash", "-euc", steps], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout[done.stdout.rindex('{\n    "Credentials"') :]
    arn = f"arn:aws:sts::{resident.account_id}:assumed-role/auditor/me"
    assert json.loads(last)["AssumedRoleUser"]["Arn"] == arn
