# SPDX-License-Identifier: MIT
"""EcoG's `iso15118` 0.31.2 (PyPI, Apache-2.0): an independent SECC and EVCC over the kernel's IP.

Needs a Java runtime (peer `jre`) for its EXI codec. `python` runs in its environment; `env()`
has the PATH and the memory limits of the JVM set.
"""

from . import jre
from .base import Venv


class _Ecog(Venv):
    needs = ("jre",)

    def env(self, **more):
        """Environment for a process of the package; `more` adds its settings."""
        env = jre.PEER.env()
        env["PATH"] = f"{self.dir / 'bin'}:{env['PATH']}"
        env["JAVA_TOOL_OPTIONS"] = "-Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
        env.update(more)
        return env


PEER = _Ecog(
    "ecog",
    "0.31.2",
    "ecog",
    "complete",
    "EcoG's SECC and EVCC",
    ["iso15118==0.31.2", "aiofile"],
)
