"""Who plays in the demo: a user, a role that the user may become, and their policies, made through the public API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from sts.cli.demo.home import Home, Keys
from sts.cli.demo.stage import show
from sts.model import Secret

USER: Final = "dana"
ROLE: Final = "auditor"
POLICY: Final = "ReadDirectory"
_VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Cast:
    """The user's own credentials, and the role's ARN."""

    keys: Keys
    role_arn: str


@dataclass(frozen=True, slots=True)
class Casting:
    """Makes what is not there yet, as the account's administrator; *iam* is boto3's client."""

    iam: Any
    account_id: str
    home: Home

    def make(self) -> Cast:
        """Make user, role and policies, and show each call."""
        user_is_new = self._call("create_user", UserName=USER)
        self._call("put_user_policy", UserName=USER, PolicyName="ReadMyself", PolicyDocument=self._read_myself())
        self._call("create_role", RoleName=ROLE, AssumeRolePolicyDocument=self._trust())
        self._call("create_policy", PolicyName=POLICY, PolicyDocument=_read_directory())
        self._call("attach_role_policy", RoleName=ROLE, PolicyArn=self._arn(f"policy/{POLICY}"))
        return Cast(self._open_keys(user_is_new=user_is_new), self._arn(f"role/{ROLE}"))

    def _call(self, operation: str, **parameters: str) -> bool:
        """Call *operation* and return whether it made something new, or None was there to begin with."""
        call = f"iam.{operation}({', '.join(f'{name}={value!r}' for name, value in parameters.items())})"
        try:
            getattr(self.iam, operation)(**parameters)
        except self.iam.exceptions.EntityAlreadyExistsException:
            show(f"{call}  # is there already")
            return False
        show(call)
        return True

    def _open_keys(self, *, user_is_new: bool) -> Keys:
        kept = None if user_is_new else self.home.find_keys(USER)
        if kept is not None:
            return kept
        for key in self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
            # Left by a run that was ended before it kept the secret: nobody can use this key, and two are the most.
            self.iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
        made = self.iam.create_access_key(UserName=USER)["AccessKey"]
        show(f"iam.create_access_key(UserName={USER!r})")
        keys = Keys(made["AccessKeyId"], Secret(made["SecretAccessKey"]))
        self.home.keep_keys(USER, keys)
        return keys

    def _arn(self, resource: str) -> str:
        return f"arn:aws:iam::{self.account_id}:{resource}"

    def _trust(self) -> str:
        """Return the trust policy: the user, by name, may become the role."""
        return _document(Effect="Allow", Principal={"AWS": self._arn(f"user/{USER}")}, Action="sts:AssumeRole")

    def _read_myself(self) -> str:
        return _document(Effect="Allow", Action="iam:GetUser", Resource=self._arn("user/${aws:username}"))


def _read_directory() -> str:
    """Return the role's policy: it reads names, and no access keys."""
    return json.dumps(
        {
            "Version": _VERSION,
            "Statement": [
                {"Effect": "Allow", "Action": ["iam:List*", "iam:Get*"], "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:ListAccessKeys", "Resource": "*"},
            ],
        }
    )


def _document(**statement: object) -> str:
    return json.dumps({"Version": _VERSION, "Statement": [statement]})


def open_casting(home: Home, administrator: Keys, environment: Mapping[str, str]) -> Casting:
    """Return the casting of *home*'s account, found by asking the service who its administrator is."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=administrator.access_key_id,
            aws_secret_access_key=str(administrator.secret_access_key),
            config=Config(proxies={}),
        )

    try:
        account_id = client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as fault:
        raise click.ClickException(
            f"The credentials in {home.credentials} do not work ({fault}). Remove {home.folder} to begin anew."
        ) from fault
    return Casting(client("iam"), account_id, home)
