from tests.directory.conftest import kept_store, keyring, store

__all__ = ["kept_store", "keyring", "store"]
