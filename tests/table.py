"""The operations table as the composition root puts it together."""

from pathlib import Path

from starlette.routing import Route

from sts.app import create_app
from sts.aws.endpoint import QueryEndpoint
from sts.aws.operations import Operations
from sts.clock import SystemClock
from sts.settings import read_settings


def read_table(home: Path) -> Operations:
    """Return the compiled table of the application that lives in *home*."""
    app = create_app(read_settings({"STS_HOME": str(home)}), clock=SystemClock())
    endpoint = next(route.endpoint for route in app.routes if isinstance(route, Route) and route.path == "/")
    assert isinstance(endpoint, QueryEndpoint)
    endpoint.database.close()
    return endpoint.operations
