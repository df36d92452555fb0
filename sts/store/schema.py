"""The schema's revision: read it cheaply, and bring a store up to date."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from sts.store import columns, password_tables, provider_tables, tables
from sts.store.locks import remove_limits

HEAD = "0017"
MODULES = (tables, password_tables, provider_tables)  # a table is known once its module was imported
metadata = columns.metadata
_MIGRATIONS = Path(__file__).parent / "migrations"


def find_revision(connection: Connection) -> str | None:
    """Return the revision of the store, None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection, prepare: Callable[[Connection], None]) -> bool:
    """Bring the store to HEAD and run *prepare*, within the transaction of *connection*; say whether there was need.

    Nobody else may migrate meanwhile: see `Database.migrate`.
    """
    if find_revision(connection) == HEAD:
        return False
    remove_limits(connection)
    _run_revisions(connection)
    prepare(connection)
    return True


def _run_revisions(connection: Connection) -> None:
    # Alembic takes a third of a second to import, and most starts have nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
