# SPDX-License-Identifier: MIT
"""What a device in MicroPython is made of: its compiled code, and its two settings files."""

from pathlib import Path

from evcc import params_board, params_ems
from evcc.params import BENCH, TABLE

from tools import vm

DEVICE = Path(__file__).with_name("device")
_MODULES = ("evcc", "drivers")


def settings_text(params, but=()):
    """A settings file: all that differs from the defaults, except the names in `but`."""
    lines = []
    for row in TABLE + params_board.TABLE + params_ems.TABLE:
        name, default = row[0], row[1]
        value = getattr(params, name, default)
        if value != default and name not in but:
            if isinstance(value, bool):
                text = "true" if value else "false"
            else:
                text = f'"{value}"' if isinstance(value, str) else repr(value)
            lines.append(f"{name} = {text}\n")
    return "".join(lines)


def files(text):
    """(settings.toml, bench.toml) of a settings text, as the device wants them: each in its file,
    ended; without other words the vehicle is simulated and there is no log.
    """
    bench = tuple(f"{name} = " for name, _ in BENCH)
    lines = text.splitlines(keepends=True)
    if not any(line.startswith("vehicle = ") for line in lines):
        lines.append('vehicle = "sim"\n')
    if not any(line.startswith("log_kB = ") for line in lines):
        lines.append("log_kB = 0\n")
    kept = "".join(line for line in lines if not line.startswith(bench))
    return kept + "# end\n", "".join(li for li in lines if li.startswith(bench)) + "# end\n"


def build(folder, machine="i386", native=True, optimise=3):
    """Compile all device code and the device's border into `folder`; {module: .mpy bytes}.

    A program of the user's own (a path for machine) gets no native code: its machine is unknown.
    """
    arch = vm.ARCH.get(machine) if native else None
    made = vm.build_mpy(_MODULES, folder, arch, optimise)
    for source in sorted(DEVICE.glob("*.py")):
        target = Path(folder) / source.with_suffix(".mpy").name
        vm._cross(source, target, source.stem, None, optimise)
    return made
