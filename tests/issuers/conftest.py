from tests.directory.conftest import keyring

__all__ = ["keyring"]
