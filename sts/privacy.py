"""Who else may read an open file that holds a secret, and whose word it is."""

import os
import stat

_OTHERS, _BEYOND_GROUP = 0o077, 0o037
_ROOT = 0


def find_exposure(handle: int) -> str | None:
    """Return why the open file *handle* is not its reader's alone, as words that go after its name; None when it is.

    It is when it belongs to this process's user and nobody else may use it, or when it is a mounted secret.
    """
    if is_mounted_secret(handle):
        return None
    status, mounted = os.fstat(handle), is_read_only(handle)
    mode, owners = stat.S_IMODE(status.st_mode), {os.geteuid(), _ROOT} if mounted else {os.geteuid()}
    if status.st_uid not in owners:
        return "belongs to another user"
    if mounted and not mode & _BEYOND_GROUP and mode & _OTHERS:
        return "can be read by a group that is none of this process's"
    wanted = "0440" if mounted else "0600"
    return f"can be used by others (mode {mode:04o}, wanted {wanted})" if mode & _OTHERS else None


def is_mounted_secret(handle: int) -> bool:
    """Say whether the open file *handle* is laid out as an orchestrator mounts a secret for this process.

    The mount is read-only, the file is root's, and beside root only its group may read it: root's own (systemd's
    credentials) or one of this process's (the `fsGroup` of a Kubernetes pod, which no process outside the pod has).
    """
    if not is_read_only(handle):
        return False
    status = os.fstat(handle)
    private = status.st_uid == _ROOT and not stat.S_IMODE(status.st_mode) & _BEYOND_GROUP
    return private and status.st_gid in {_ROOT, os.getegid(), *os.getgroups()}


def is_read_only(handle: int) -> bool:
    """Say whether what *handle* opened stands on a mount through which nobody can write."""
    return bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
