# SPDX-License-Identifier: MIT
"""CircuitPython's restrictions, enforced: a whole session in a VM that has nothing more than it.

The device code runs as bytecode alone, with what CircuitPython lacks taken away and its
supervisor, digitalio and busio in front of the emulated hardware (tools/vm/device/circuit.py).
No CircuitPython has run this.
"""

import pytest

from host_tests.vm.test_session import play
from tools.vm import micropython
from tools.vm.build import build

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("circuit")
    build(made, "i386", native=False)
    return made


@pytest.mark.shows("without what CircuitPython lacks", peer="our emulation")
def test_a_whole_session(machine, folder):
    machine("i386")
    rig = play("i386", folder, "320k", options=("check",), entry="circuit")
    assert rig.outcome["result"] == "STATION_TERMINATE", rig.outcome
    assert rig.outcome["loops"] > 20 and rig.outcome["forced_openings"] == 0
    assert not rig.plant.violations and rig.board.resets == 0
    modules = rig.device.process.modules
    assert "drivers.spi_circuitpython" in modules and "drivers.terminal_circuitpython" in modules
    assert "evcc.console" in modules and not any("_fast_" in name for name in modules)
    gone = "micropython machine asyncio select _thread".split()
    assert not set(gone) & set(modules)


def test_a_person_at_the_supervisors_serial_line(machine, folder):
    machine("i386")
    from tools.demo.rig import Rig

    rig = Rig(vm="i386", heap="320k", vm_more=dict(folder=folder, entry="circuit"))
    try:
        rig.world.run(500)
        rig.board.plug()
        assert rig.world.run_until(lambda: rig.plant.contactors.closed, 60_000)
        terminal = rig.device.terminal
        terminal.typed += b"status()\r"
        found = rig.world.run_until(
            lambda: "contactors: closed" in terminal.shown, rig.world.now + 5000
        )
        assert found, terminal.shown
        terminal.typed += b"\x04"  # soft reset: a safe stop first
        rig.world.run_until(lambda: rig.device.ended is not None, rig.world.now + 60_000)
        assert rig.device.ended and not rig.plant.contactors.closed and not rig.plant.violations
    finally:
        rig.close()


@pytest.mark.parametrize("module", ["micropython", "machine", "asyncio", "select", "_thread"])
def test_the_restriction_is_one(machine, folder, tmp_path, module):
    """What is taken away is really gone: the check of the check."""
    machine("i386")
    (tmp_path / "main.py").write_text(f"import {module}\n")
    (tmp_path / "try.py").write_text("import circuit\n")
    done = micropython(tmp_path / "try.py", heap="320k", path=[tmp_path, folder])
    assert f"no module named '{module}'" in done.stderr, done.stderr


def test_the_supervisor_does_not_reload_a_charging_car(machine, folder, tmp_path):
    machine("i386")
    (tmp_path / "main.py").write_text(
        "import supervisor, sys\n"
        "from drivers.terminal import terminal\n"
        "t = terminal()\n"
        "sys.stderr.write('%s %s %s' % (type(t).__name__, supervisor.runtime.autoreload,"
        " t.interrupt(False)))\n"
    )
    (tmp_path / "try.py").write_text("import circuit\n")
    done = micropython(tmp_path / "try.py", heap="320k", path=[tmp_path, folder])
    assert done.stderr == "Supervised False False", done.stderr
