# SPDX-License-Identifier: MIT
"""qemu-user 7.2 of Debian 12, with the plugin that counts instructions.

Debian 13's qemu-user is built without plugins, hence the older one, on its own libraries. The
plugin (`tools/vm/insn_plugin.c`) is compiled by the tiny C compiler `tcc` of the same suite, so
that no gcc is needed. qemu is GPL-2, tcc LGPL-2.1; neither is part of this project.
"""

from tools import ROOT

from .base import Debian, _run

SOURCE = ROOT / "tools" / "vm" / "insn_plugin.c"


class _Qemu(Debian):
    @property
    def plugin(self):
        """The compiled plugin; made anew when its source is newer."""
        built = self.dir / "insn_plugin.so"
        if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
            self._compile(built)
        return built

    def _compile(self, built):
        lib = self.dir / "root/usr/lib/x86_64-linux-gnu/tcc"
        part = built.with_suffix(".part")
        command = [*self.command("usr/bin/tcc"), f"-B{lib}", "-nostdlib", "-nostdinc"]
        _run(self.name, [*command, "-shared", "-o", part, SOURCE], 60)
        part.rename(built)

    def count(self, log):
        """The start of a command for an armhf program that writes its counts to file `log`."""
        return [
            *self.command("usr/bin/qemu-arm"),
            "-seed",
            "1",
            "-plugin",
            f"{self.plugin},log={log}",
        ]


PEER = _Qemu(
    "qemu-user",
    "7.2 (Debian 12)",
    "qemu",
    "root/usr/bin/tcc",
    "runs ARM programs and counts their instructions",
    "bookworm",
    "amd64",
    ["qemu-user", "tcc"],
)
