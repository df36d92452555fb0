"""Wrong codes are counted for each device that is known apart; those so far came from elsewhere, for all that is known.

The column has a default for servers of before, which go on counting until they are replaced.
"""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    with op.batch_alter_table("code_failure") as table:
        table.add_column(sa.Column("device_id", TEXT, nullable=False, server_default=""))
        table.drop_constraint("pk_code_failure", type_="primary")
        table.create_primary_key("pk_code_failure", ["owner_id", "device_id"])
