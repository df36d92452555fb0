"""The log: lines on stderr, JSON unless a terminal watches. Secrets never: they are masked by type and by name."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sts.audit.events import CHECKPOINT_LOGGER, NOTICE_LOGGER
from sts.model import Secret

_MASK = "***"
_SECRET_NAMES = frozenset(
    {"authorization", "password", "secret", "secret_access_key", "session_token", "token", "x-amz-security-token"}
)


def configure_logs(level: str, *, as_json: bool = False, exports: bool = False) -> None:
    """Send what is logged from *level* on, by this house and by the server beneath it, to stderr.

    With *exports*, which is for the service, checkpoints of the audit and notices are logged whatever the level.
    """
    rendering = _rendering(readable=sys.stderr.isatty() and not as_json)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        mask_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *rendering]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What was cut off the audit shows only against an exported checkpoint: the service logs them even where it logs
    # little. A command keeps its own in the store, and the service's next one names it.
    for exported in (CHECKPOINT_LOGGER, NOTICE_LOGGER):
        logging.getLogger(exported).setLevel(logging.INFO if exports else logging.NOTSET)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each plugin that it sets up


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the values of secrets, however deep they are."""
    return {name: _mask(name, value) for name, value in event.items()}


def _mask(name: object, value: Any) -> Any:
    if isinstance(value, Secret) or (isinstance(name, str) and name.lower() in _SECRET_NAMES):
        return _MASK
    if isinstance(value, Mapping):
        return {key: _mask(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(None, item) for item in value]
    return value


def _rendering(*, readable: bool) -> tuple[Processor, ...]:
    if readable:
        # Its richer tracebacks show local variables, and one of those may be a secret.
        return (structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),)
    return structlog.processors.format_exc_info, structlog.processors.JSONRenderer()
