"""The table of pages as the composition root puts it together."""

from pathlib import Path

from starlette.routing import Route

from sts.app import create_app
from sts.settings import read_settings
from sts.signin.endpoint import PagesEndpoint
from sts.signin.row import Page, Proof


def read_pages(home: Path) -> tuple[Page, ...]:
    """Return every row of the application that lives in *home*."""
    app = create_app(read_settings({"STS_HOME": str(home)}))
    endpoint = next(route.endpoint for route in app.routes if isinstance(route, Route) and route.path == "/ui")
    assert isinstance(endpoint, PagesEndpoint)
    endpoint.database.close()
    return tuple(endpoint.table.pages.values())


def needs_session(page: Page) -> bool:
    """Say whether only who is signed in is shown the page."""
    return page.proof in {Proof.SESSION, Proof.RECENT}


def fill_path(page: Page) -> str:
    """Return an address of the page."""
    return page.path.replace("{}", "anything")
