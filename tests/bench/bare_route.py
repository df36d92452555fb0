"""What HTTP alone costs: a route on the same server that reads a form of 1 KB and answers with 1 KB of XML.

`python -m tests.bench.bare_route PORT`
"""

import sys
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ANSWER = (b"<Answer><Value>" + 1024 * b"x")[: 1024 - len(b"</Value></Answer>")] + b"</Value></Answer>"


async def _answer(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    return Response(_ANSWER, 200 if request.method == "GET" or form else 400, media_type="text/xml")


def main() -> None:
    uvicorn.run(
        Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
