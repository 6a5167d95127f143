"""Run a program that dies with its parent: ``python -I -S _tether.py PARENT_PID PROGRAM ARG...``.

A program of its own, and not code between fork and exec: that would have the parent forked with
all its threads' locks, which gRPC and Python 3.12 rightly warn about. Linux only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); the wish survives exec

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the wish was heard
        sys.exit(1)
    os.execvp(program, sys.argv[2:])  # noqa: S606 (it is what it was started for)
