"""The new password on a form, as somebody chose it: entered twice, since nobody sees what they type."""

from sts.errors import PasswordRefused
from sts.signin.visit import Visit

_DIFFERENT = "The two passwords are not the same: please enter the new one twice."


def read_new_password(visit: Visit) -> str:
    """Return the password that was chosen; raises PasswordRefused when it was not entered alike twice."""
    chosen = visit.find("new-password")
    if chosen != visit.find("new-password-again"):
        raise PasswordRefused(_DIFFERENT)
    return chosen
