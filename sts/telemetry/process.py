"""What the kernel tells of a process in /proc: of this one, or of another of the same user."""

import os
from collections.abc import Mapping
from pathlib import Path

from sts.telemetry.catalogue import CPU, MOST_FILES, OPEN_FILES, RESIDENT, STARTED, Metric

_PROC = Path("/proc")
# Fields of /proc/PID/stat behind the command, which may hold anything up to its last parenthesis (proc(5)).
_UTIME, _STIME, _STARTTIME, _RSS = 11, 12, 19, 21


def examine_process(pid: int) -> Mapping[Metric, float]:
    """Return what is known of the process *pid*; nothing where it has ended or the kernel has no /proc."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return {
            RESIDENT: int(stat[_RSS]) * page,
            CPU: (int(stat[_UTIME]) + int(stat[_STIME])) / ticks,
            STARTED: _find_boot() + int(stat[_STARTTIME]) / ticks,
            OPEN_FILES: sum(1 for _ in (_PROC / str(pid) / "fd").iterdir()),
            MOST_FILES: _find_most_files(pid),
        }
    except OSError:
        return {}


def _find_boot() -> float:
    lines = (_PROC / "stat").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))


def _find_most_files(pid: int) -> float:
    lines = (_PROC / str(pid) / "limits").read_text(encoding="ascii").splitlines()
    soft = next(line.split()[3] for line in lines if line.startswith("Max open files"))
    return float("inf") if soft == "unlimited" else float(soft)
