"""Logins of command lines: what `aws login` asks for, a person approves on a page, and a client redeems and refreshes.

`requests` is what is asked for, `tokens` the texts that are handed out, `grants` what was approved and what becomes of
it.
"""
