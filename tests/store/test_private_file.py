import stat
from pathlib import Path

from sts.store.database import open_database


def test_only_its_owner_may_read_the_store(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'sts.db'}")
    database.migrate(lambda _connection: None)
    files = sorted(tmp_path.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len(files) > 1
    database.close()
