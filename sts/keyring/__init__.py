"""The keys of the house: `rotation` decides their lives, `keyfiles` touches their folder, `keyring` uses them.

A private key never leaves this room: others hand it what is to be signed, sealed or derived.
"""
