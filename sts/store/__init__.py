"""What is kept: SQL is the authority, and the hot path does not read it.

`tables` says what is kept, `database` opens it and says how it is read and changed, `sqlite` and `postgresql` do so, a
file for each noun holds its queries, `migrations/` brings an older store up to date, and `snapshot` remembers, within
bounds, what requests need.
"""
