"""A login ended, at the service and here."""

from sts.client.connection import DEFAULT_REGION, Connection
from sts.client.saved_logins import LoginCredentials, SavedLogins
from sts.client.signin import Login, open_sign_in
from sts.errors import LoginEnded, NotFound, Refusal, Unavailable

_PATH = "/api/logins/end"


def end_login(logins: SavedLogins, endpoint: str) -> Login:
    """End the login at *endpoint*, forget it, and return what it was.

    Raises NotFound where there is none; LoginEnded where it was over by then; Unavailable when it is forgotten here
    alone, whatever the reason; Refusal kin.
    """
    login = logins.find(endpoint)
    if login is None:
        raise NotFound(f"Nobody is signed in at {endpoint}")
    sign_in = open_sign_in(endpoint)
    try:
        Connection(endpoint, DEFAULT_REGION, LoginCredentials(logins, sign_in), sign_in.sender).post(_PATH, {})
    except LoginEnded:
        raise LoginEnded(f"The login at {endpoint} was over already; it is forgotten here too") from None
    except Refusal as fault:
        until = login.ends_at.isoformat()
        raise Unavailable(f"The login is forgotten here, and lasts at the service until {until}: {fault}") from fault
    finally:
        logins.remove(endpoint)
    return login
