"""Bring a store up to date: Alembic's revisions, run on a connection that is already in a transaction."""
