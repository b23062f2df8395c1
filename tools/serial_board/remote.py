# SPDX-License-Identifier: MIT
"""mpremote without its start of half a second: a process that has it loaded, and forks.

    with Mpremote() as remote:
        running = remote.start("connect", board.port, "exec", "print(1)")
        while running.poll() is None:
            ...
        print(running.done.stdout)

Each command is a process of its own with mpremote's own main(). Only its patience with a board
that does not give the raw REPL (10 s) can be made less.
"""

import json
import os
import select
import subprocess
import sys
import time

from tools import ROOT

_MOST = 1 << 20  # bytes of an answer


class Mpremote:
    """The process; one command at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def start(self, *words, patience=10):
        """Begin a command (words as on its command line). patience: s for the raw REPL."""
        words = [str(word) for word in words]
        self._process.stdin.write(json.dumps([words, patience]) + "\n")
        return Running(words, self._process.stdout)

    def run(self, *words, patience=10, timeout=60):
        """The CompletedProcess (text); raises TimeoutExpired."""
        running = self.start(*words, patience=patience)
        ends = time.monotonic() + timeout
        while running.poll() is None:
            if time.monotonic() > ends:
                raise subprocess.TimeoutExpired(words, timeout)
            select.select([self._process.stdout], [], [], 0.1)
        return running.done

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Running:
    """A command; `done`: its CompletedProcess once poll() is not None."""

    def __init__(self, words, answers):
        self.words, self._answers = words, answers
        self.done = None

    def poll(self):
        """Its exit status, None while it runs."""
        if self.done is None and select.select([self._answers], [], [], 0)[0]:
            line = self._answers.readline()
            if not line:
                raise RuntimeError("the process that runs mpremote has ended")
            status, text = json.loads(line)
            self.done = subprocess.CompletedProcess(self.words, status, text, "")
        return None if self.done is None else self.done.returncode


def _serve():
    from mpremote import main
    from mpremote.transport_serial import SerialTransport

    enter = SerialTransport.enter_raw_repl

    def impatient(self, soft_reset=True, **more):
        return enter(self, soft_reset, patience)

    SerialTransport.enter_raw_repl = impatient
    while line := sys.stdin.readline():
        words, patience = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(write, 1)
            os.dup2(write, 2)
            sys.argv = ["mpremote", *words]
            sys.exit(main.main())
        os.close(write)
        with open(read, errors="replace") as out:
            text = out.read(_MOST)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([status, text]), flush=True)


if __name__ == "__main__":
    _serve()
