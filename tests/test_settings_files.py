"""Settings whose value stands in a private file: addresses that hold a password."""

from pathlib import Path

import pytest

from sts.settings import SettingsInvalid, read_settings

DATABASE = "postgresql://sts:pass@db.example.com/sts"
CACHE = "rediss://:pass@redis.example.com/0"


def _write(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_addresses_are_read_from_files_without_their_end_of_line(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "STS_DATABASE_URL_FILE": _write(tmp_path / "database", f"{DATABASE}\n"),
            "STS_CACHE_URL_FILE": _write(tmp_path / "cache", CACHE, 0o400),
        }
    )
    assert (settings.database_url, settings.cache_url) == (DATABASE, CACHE)


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (DATABASE, 0o640, "can be used by others (mode 0640, wanted 0600)"),
        (DATABASE, 0o604, "can be used by others (mode 0604, wanted 0600)"),
        (" \n", 0o600, "is empty"),
        ("mysql://sts:pass@db/sts", 0o600, "it begins with sqlite:/// or postgresql://"),
    ],
)
def test_a_file_that_is_exposed_or_of_no_use_refuses_the_start(tmp_path: Path, text: str, mode: int, told: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings({"STS_DATABASE_URL_FILE": _write(tmp_path / "database", text, mode)})
    assert told in refused.value.message
    assert "pass" not in refused.value.message


def test_a_file_that_is_not_there_or_no_text_is_told_with_every_other_fault(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"\xff\xfe")
    (tmp_path / "cache").chmod(0o600)
    files = {"STS_DATABASE_URL_FILE": str(tmp_path / "none"), "STS_CACHE_URL_FILE": str(tmp_path / "cache")}
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(files)
    assert f"STS_DATABASE_URL_FILE: {tmp_path}/none cannot be read: No such file or directory" in refused.value.message
    assert f"STS_CACHE_URL_FILE: {tmp_path}/cache is not text in UTF-8" in refused.value.message


def test_a_value_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    file = _write(tmp_path / "database", DATABASE)
    with pytest.raises(SettingsInvalid, match="STS_DATABASE_URL_FILE: STS_DATABASE_URL is set too"):
        read_settings({"STS_DATABASE_URL": DATABASE, "STS_DATABASE_URL_FILE": file})
