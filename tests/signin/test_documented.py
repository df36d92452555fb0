"""What docs/sign-in.md tells an operator to do first, done."""

import os
import re
import subprocess
import sys
from pathlib import Path

from sts.clock import ManualClock
from tests.installed import get_installed
from tests.service import REGION, Service, Tenant
from tests.signin.chromium import Window
from tests.signin.command_lines import end, logging_in, make_cli, open_browser
from tests.signin.people import make_person
from tests.signin.test_factors import ADD, add, owned

GUIDE = Path(__file__).parents[2] / "docs" / "sign-in.md"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_by_the_documented_policy_users_look_after_their_own_sign_in_and_no_other(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    documented = re.search(r"--policy-document '(.*?)'", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert documented is not None
    ann = make_person(service, tenant.account_id, "ann")
    put = service.call(
        tenant.key, "PutUserPolicy", UserName="ann", PolicyName="OwnSignIn", PolicyDocument=documented[1]
    )
    assert put.status == 200
    browser, _ = ann.sign_in()
    assert browser.get("/ui/password").status == 200
    assert browser.go(browser.get("/ui/keys"), "/ui/keys").status == 200
    refused = browser.send(browser.get(ADD), ADD, device="bob-phone", first_code="000000", second_code="000001")
    assert refused.status == 403
    add(browser, clock, "ann-phone")
    assert owned(service, ann) == ["ann-phone"]


def test_the_first_person_gets_from_nothing_to_a_login_at_the_command_line(
    real_service: Service, tmp_path: Path, window: Window
) -> None:
    _, made, used, *_ = SHELL.findall(GUIDE.read_text(encoding="utf-8"))
    link = _run(made, real_service, real_service.tenant())
    window.open(link.replace("127.0.0.1", "localhost"))
    chosen = "seven green bottles on a wall"
    window.fill(New_password=chosen, **{"New_password,_once_more": chosen})
    window.press("Set password")
    assert window.path == "/ui/"
    login, whoami = (line.split() for line in used.splitlines())
    assert (login[:3], whoami) == (["sts", "login", "--endpoint-url"], ["sts", "whoami"])
    cli = make_cli(str(Path(sys.executable).with_name("sts")), tmp_path, real_service)
    with logging_in(cli, "--endpoint-url", real_service.settings.issuer) as process:
        window.open(open_browser(cli, process))
        window.press("Let it in")
        assert ":user/ann" in end(process)
    assert cli.get(*whoami[1:], "--json")["arn"].endswith(":user/ann")


def _run(block: str, service: Service, tenant: Tenant) -> str:
    """Type *block* as the account's administrator, and return the link that it shows in the end."""
    programs = [str(Path(sys.executable).parent), str(Path(get_installed("TEST_AWS_V1")).parent), os.defpath]
    environment = {
        "PATH": ":".join(programs),
        "AWS_ENDPOINT_URL": service.settings.issuer,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": tenant.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": tenant.key.secret,
    }
    typed = ["bash", "-euc", block]
    done = subprocess.run(typed, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = re.search(r"http\S+/ui/link\S*", done.stdout)
    assert found is not None, done.stdout
    return found[0]
