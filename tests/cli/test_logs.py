import asyncio
import contextvars
import json
import logging

import pytest
import structlog

from sts.audit.events import CHECKPOINT_LOGGER, NOTICE_LOGGER
from sts.authn.arrival import begin_entry
from sts.cache.address import Place
from sts.cache.server import Server
from sts.cli.logs import configure_logs, mask_secrets
from sts.clock import SystemClock
from sts.errors import Unavailable
from sts.legible import show
from sts.model import Secret
from tests.cli.conftest import Command


def lines_about(err: str, *words: str) -> list[str]:
    """Return the lines that speak of *words*: the server that tests share logs in this process too."""
    return [line for line in err.splitlines() if any(word in line for word in words)]


def test_the_log_is_json_on_stderr_when_no_terminal_watches(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    structlog.get_logger("sts.test").info("thing.done", count=3)
    logging.getLogger("some.library").warning("slow %s", "client")
    out, err = capsys.readouterr()
    first, second = (json.loads(line) for line in lines_about(err, "thing.done", "slow client"))
    assert out == ""
    assert (first["event"], first["count"], first["level"], first["logger"]) == ("thing.done", 3, "info", "sts.test")
    assert (second["event"], second["level"]) == ("slow client", "warning")


def test_what_is_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("error")
    structlog.get_logger("sts.test").warning("thing.done")
    logging.getLogger("uvicorn.error").info("started")
    assert lines_about(capsys.readouterr().err, "thing.done", "started") == []


def test_secrets_are_masked_by_type_and_by_name_however_deep(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    structlog.get_logger("sts.test").info(
        "thing.done",
        key=Secret("hush-one"),
        Authorization="hush-two",
        parameters={"secret_access_key": "hush-three", "list": [Secret("hush-four"), {"token": "hush-five"}]},
    )
    (line,) = lines_about(capsys.readouterr().err, "thing.done")
    assert "hush" not in line
    assert json.loads(line)["parameters"] == {"secret_access_key": "***", "list": ["***", {"token": "***"}]}


def test_a_trace_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    held = "hush"
    try:
        raise LookupError(f"{len(held)} is not there")
    except LookupError:
        structlog.get_logger("sts.test").exception("thing.failed")
    (line,) = lines_about(capsys.readouterr().err, "thing.failed")
    assert "LookupError: 4 is not there" in json.loads(line)["exception"]
    assert "hush" not in line.replace('held = \\"hush\\"', "")


def test_a_line_that_is_logged_on_the_way_of_a_request_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")

    def handle(request_id: str) -> None:
        begin_entry({"type": "http", "headers": []}, request_id, SystemClock().now())
        structlog.get_logger("sts.test").warning("thing.slow")
        logging.getLogger("some.library").warning("thing.old")

    for request_id in ("first", "second"):
        contextvars.Context().run(handle, request_id)
    structlog.get_logger("sts.test").info("thing.outside")
    lines = [json.loads(line) for line in lines_about(capsys.readouterr().err, "thing.")]
    told = [(line["event"], line.get("request_id")) for line in lines]
    assert told == [
        ("thing.slow", "first"),
        ("thing.old", "first"),
        ("thing.slow", "second"),
        ("thing.old", "second"),
        ("thing.outside", None),
    ]


def test_what_is_found_out_about_the_cache_is_not_logged_as_of_the_request_that_met_it() -> None:
    seen: list[dict[str, object]] = []

    async def locate() -> Place:
        seen.append(dict(structlog.contextvars.get_contextvars()))
        raise OSError("gone")

    async def ask() -> None:
        structlog.contextvars.bind_contextvars(request_id="first")
        server = Server("redis", locate, make_line=lambda _: pytest.fail("there is nothing to connect to"))
        with pytest.raises(Unavailable):
            await server.ask(b"GET", b"k")
        await server.close()

    asyncio.run(ask())
    assert seen[0] == {}


def test_a_terminal_gets_readable_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure_logs("info")
    structlog.get_logger("sts.test").info("thing.done", secret="hush")
    (line,) = lines_about(capsys.readouterr().err, "thing.done")
    assert "***" in line
    configure_logs("info", as_json=True)
    structlog.get_logger("sts.test").info("thing.done")
    (line,) = lines_about(capsys.readouterr().err, "thing.done")
    assert json.loads(line)["event"] == "thing.done"


def test_masking_leaves_other_values_as_they_are() -> None:
    event = {"event": "e", "count": 1, "list": ["a"], "none": None}
    assert mask_secrets(None, "info", dict(event)) == event


@pytest.mark.parametrize("sent", ["a\x1b[2Jb", "a\u202eb", "a\nb", "a\x9bb"])
def test_what_a_stranger_sent_cannot_command_a_terminal(sent: str) -> None:
    assert show(sent).isprintable()
    assert "\\u" in show(sent)


@pytest.mark.parametrize("exported", [CHECKPOINT_LOGGER, NOTICE_LOGGER])
def test_only_the_service_exports_checkpoints_and_notices_whatever_the_level(
    exported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("error", exports=True)
    structlog.get_logger(exported).info("audit.checkpoint.done")
    assert len(lines_about(capsys.readouterr().err, "audit.checkpoint.done")) == 1
    configure_logs("warning")
    structlog.get_logger(exported).info("audit.checkpoint.done")
    logging.getLogger("alembic.runtime.plugins").info("setup plugin of a kind")
    assert lines_about(capsys.readouterr().err, "audit.checkpoint.done", "setup plugin") == []


@pytest.mark.parametrize("words", [("migrate",), ("init",), ("accounts", "create"), ("keys", "rotate")])
def test_a_command_that_succeeds_says_nothing_on_stderr(words: tuple[str, ...], sts: Command) -> None:
    result = sts(*words)
    assert (result.exit_code, result.stderr) == (0, "")
