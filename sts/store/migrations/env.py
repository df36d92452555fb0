"""Alembic's environment: the connection is handed in, its transaction is the caller's."""

from alembic import context

from sts.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
