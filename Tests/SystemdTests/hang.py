#!/usr/bin/env python3
"""Stops one thread of a process, as if it hung: hang.py PID THREAD-NAME. Ends with the process.

A debugger's means (ptrace(2)): SIGSTOP would stop all threads.
"""

import ctypes
import os
import sys
import time

SEIZE, INTERRUPT, WAIT_ALL = 0x4206, 0x4207, 0x40000000


def thread(process, name):
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/comm", encoding="utf-8") as file:
            if file.read().strip() == name:
                return int(task)
    raise SystemExit(f"hang: process {process} has no thread {name}")


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
task = thread(sys.argv[1], sys.argv[2])
for request in (SEIZE, INTERRUPT):
    if libc.ptrace(request, task, None, None) < 0:
        raise SystemExit(f"hang: {os.strerror(ctypes.get_errno())}")
os.waitpid(task, WAIT_ALL)
print("hung", flush=True)
while os.path.exists(f"/proc/{sys.argv[1]}"):
    try:
        if os.waitpid(task, WAIT_ALL | os.WNOHANG)[0] == task:
            break
    except ChildProcessError:
        break
    time.sleep(0.1)
