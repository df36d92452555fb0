"""What names, paths and account numbers may be (IAM User Guide, "IAM and AWS STS quotas", name requirements).

Names are ASCII: what looks the same is then the same, and lower case is one thing everywhere.
"""

import re

from sts.errors import InputInvalid

USER_NAME_LENGTH = 64
GROUP_NAME_LENGTH = 128
MFA_DEVICE_NAME_LENGTH = 128
_PATH_LENGTH = 512
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def verify_name(name: str, longest: int) -> str:
    """Return *name* when it is one of at most *longest* characters; raises InputInvalid."""
    if len(name) > longest or not _NAME.fullmatch(name):
        raise InputInvalid(f"A name has 1 to {longest} letters, digits or characters of _+=,.@-")
    return name


def verify_path(path: str) -> str:
    """Return *path* when it is one; raises InputInvalid."""
    if len(path) > _PATH_LENGTH or not _PATH.fullmatch(path):
        raise InputInvalid("The specified value for path is invalid. It must begin and end with /")
    return path


def verify_account_id(account_id: str) -> str:
    """Return *account_id* when it is twelve digits; raises InputInvalid."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise InputInvalid("An account id has twelve digits")
    return account_id
