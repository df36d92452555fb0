"""Audit records found by their principal, and what was refused or failed apart from what was done.

What the records say is in their bodies since the first revision; the last segment of an `assumed-role` is the session.
"""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0011"
down_revision = "0010"

_UNDONE = sa.text("event NOT LIKE '%.done'")
# A body that was altered into something else than JSON stays without a principal, and is found by `sts audit verify`.
_WITHOUT_SESSION = "UPDATE audit_record SET principal = {} WHERE principal LIKE '%:assumed-role/%/%'"
_SQLITE = (
    "UPDATE audit_record SET principal = json_extract(body, '$.principal.arn') WHERE json_valid(body)",
    _WITHOUT_SESSION.format("rtrim(rtrim(principal, replace(principal, '/', '')), '/')"),
)
_POSTGRESQL = (
    r"""UPDATE audit_record SET principal = substring(body from
    '"account_id":(?:null|"[^"]*"),"principal":\{"arn":"([^"\\]+)"')""",
    _WITHOUT_SESSION.format("regexp_replace(principal, '/[^/]*$', '')"),
)


def upgrade() -> None:
    op.add_column("audit_record", sa.Column("principal", TEXT, nullable=True))
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)
    op.create_index(
        "ix_audit_record_account_id_principal_at", "audit_record", ["account_id", "principal", "at"], unique=False
    )
    op.create_index(
        "ix_audit_record_undone",
        "audit_record",
        ["account_id", "at"],
        unique=False,
        sqlite_where=_UNDONE,
        postgresql_where=_UNDONE,
    )
