"""What the kernel tells of processes."""

import os
import subprocess
import sys
import time

from sts.telemetry.catalogue import CPU, MOST_FILES, OPEN_FILES, RESIDENT, STARTED
from sts.telemetry.process import examine_process

# Its name is as awkward as a name can be, since the fields of its status stand behind it; and it has worked for some
# ticks of the kernel's clock.
BUSY = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(15, b") 1 (x")
while sum(os.times()[:2]) < 0.05:
    pass
print(flush=True)
sys.stdin.read()
"""


def test_a_process_is_examined_by_its_number() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = examine_process(other.pid)
    assert told.keys() == {RESIDENT, CPU, OPEN_FILES, MOST_FILES, STARTED}
    assert told[RESIDENT] > 1_000_000
    assert told[OPEN_FILES] >= 3
    assert told[OPEN_FILES] <= told[MOST_FILES]
    assert told[CPU] > 0
    assert abs(time.time() - told[STARTED]) < 3600  # of this hour, not of the boot


def test_of_a_process_that_has_ended_nothing_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as other:
        other.wait()
    assert examine_process(other.pid) == {}


def test_a_process_may_examine_itself() -> None:
    assert examine_process(os.getpid())[OPEN_FILES] > 0
