"""The types of columns that mean the same on SQLite and PostgreSQL; the tables and every revision use them."""

from sqlalchemy import Text

# SQLite compares text by its bytes. PostgreSQL compares by the rules of a language unless told otherwise, and then what
# comes after a name in a list would not be what is greater than it: a page would skip names or repeat them.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
