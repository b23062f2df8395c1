# SPDX-License-Identifier: MIT
"""`python -m tools.vm names`: the names (qstrs) that the modules of a session bring.

MicroPython never drops a name, and the table of names doubles: with the 1261st of the program's
own it takes 9 kB at once, in one piece. Counted are the names in the .mpy files and those of the
settings; what else the program makes by `setattr` is not seen. Format: MicroPython's
docs/reference/mpyfiles.rst.
"""

import tempfile
from pathlib import Path

from tools.vm.build import build

TABLE = 1260  # 20 + 40 + ... + 640: beyond it the next table is taken


def of_mpy(data):
    """Names of one .mpy file that no firmware has already."""
    at = 4
    found = []

    def number():
        nonlocal at
        value = 0
        while True:
            byte = data[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    count = number()
    number()  # objects
    for _ in range(count):
        length = number()
        if not length & 1:  # else one of the firmware's, by its number
            length >>= 1
            found.append(data[at : at + length].decode())
            at += length + 1
    return found


def names(modules):
    """Prints, for each of `modules`, the names that no other brings, and the sum."""
    from evcc.params import TABLE as settings

    who = {row[0]: {"settings"} for row in settings}
    with tempfile.TemporaryDirectory() as folder:
        build(folder, "i386", native=False)
        for module in modules:
            file = Path(folder, module.replace(".", "/"))
            file = file / "__init__.mpy" if file.is_dir() else file.with_suffix(".mpy")
            if not file.exists():  # a folder alone
                continue
            for name in of_mpy(file.read_bytes()):
                who.setdefault(name, set()).add(module)
    only = {}
    for name, users in who.items():
        if len(users) == 1:
            only.setdefault(next(iter(users)), []).append(name)
    for module in sorted(only, key=lambda m: -len(only[m])):
        print(f"{len(only[module]):5} {module}: {' '.join(sorted(only[module]))}")
    print(f"{len(who):5} in all; the table of names has room for {TABLE}")
    return len(who)
