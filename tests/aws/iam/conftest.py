from tests.directory.conftest import keyring, store

__all__ = ["keyring", "store"]
