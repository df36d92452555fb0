"""Mounts of a test's own, gone with the process that made them."""

import os
import subprocess
from functools import cache


@cache
def apart() -> tuple[str, ...]:
    """Return the words before a command that is to mount for itself alone; it is root there.

    What it mounts is shown to nobody else (`private`). In a chroot, whose root is no mount, that cannot be asked for:
    whoever made the chroot has seen to it.
    """
    words = ("unshare", "--mount") if os.getuid() == 0 else ("unshare", "--map-root-user", "--mount")
    private = (*words, "--propagation", "private")
    asked = subprocess.run([*private, "true"], check=False, stderr=subprocess.DEVNULL)
    return private if asked.returncode == 0 else (*words, "--propagation", "unchanged")
