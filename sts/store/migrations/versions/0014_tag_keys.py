"""The keys of users' and roles' tags are one where the condition keys of policies are.

Until now a long s was an s, and a sharp one ss: fewer keys were told apart, so no two tags of a bearer become one.
"""

import sqlalchemy as sa
from alembic import op

from sts.folding import fold_letters

revision = "0014"
down_revision = "0013"

_OF_PRINCIPALS = sa.text(
    "SELECT bearer_id, key_key, key FROM tag WHERE bearer_id LIKE 'AIDA%' OR bearer_id LIKE 'AROA%'"
)
_SET = sa.text("UPDATE tag SET key_key = :anew WHERE bearer_id = :bearer_id AND key_key = :key_key")


def upgrade() -> None:
    for row in op.get_bind().execute(_OF_PRINCIPALS).all():
        if (anew := fold_letters(row.key)) != row.key_key:
            op.get_bind().execute(_SET, {"anew": anew, "bearer_id": row.bearer_id, "key_key": row.key_key})
