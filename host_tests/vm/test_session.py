# SPDX-License-Identifier: MIT
"""Whole sessions, the device part in 32-bit MicroPython, every layer from .mpy files in RAM."""

import pytest

from tools.charger.power import PowerPlan
from tools.demo.rig import Rig
from tools.vm import VMError, build_mpy
from tools.vm.build import build

pytestmark = pytest.mark.vm

HEAP = "160k"
SECONDS = 6  # of charge loop


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`folders(machine, native)`: compiled device code, made once."""
    made = {}

    def get(machine, native):
        if (machine, native) not in made:
            made[machine, native] = tmp_path_factory.mktemp("device")
            build(made[machine, native], machine, native)
        return made[machine, native]

    return get


def play(vm=None, folder=None, heap=HEAP, options=("check",), pki=None, **more):
    """One session; the rig to look at."""

    plan = PowerPlan(((0, 11000), (SECONDS // 2, -10000)), ramp_W_s=6000, stop_s=SECONDS)
    rig = Rig(
        plan=plan, vm=vm, heap=heap, vm_more=dict(options=options, folder=folder, **more), pki=pki
    )
    try:
        assert rig.run()
    finally:
        rig.close()
    return rig


def names(rig):
    """Messages in order, repeats once: how often one polls is a matter of timing."""
    found = []
    for row in rig.record.rows:
        if not found or found[-2:] != [row["name"]] and row["name"] not in found[-2:]:
            found.append(row["name"])
    return found


# The unix build keeps viper code outside its heap. What bytecode alone needs is a hair that a test
# must not depend on: `make bench` has the exact sizes (the goal is 128 kB).
@pytest.mark.parametrize(
    "machine_name, native, heap",
    [("i386", True, "128k"), ("i386", False, "144k"), ("armhf", True, "128k")],
)
def test_a_session_in_the_heap_of_a_microcontroller(machine_name, native, heap, machine, folders):
    machine(machine_name)
    rig = play(machine_name, folders(machine_name, native), heap)
    outcome = rig.outcome
    assert outcome["result"] == "STATION_TERMINATE", outcome
    assert outcome["protocol"] == "iso20_dc" and outcome["service"] == "DC_BPT"
    assert outcome["loops"] >= SECONDS * 4 and outcome["forced_openings"] == 0
    assert outcome["charged_Wh"] > 1 and outcome["discharged_Wh"] > 1
    assert not rig.plant.violations, rig.plant.violations
    assert not rig.plant.contactors.closed and not rig.board.motor.locked
    assert rig.pilot.state == "A" and not rig.pilot.s2 and rig.board.resets == 0


def test_a_session_with_mutual_tls_on_p521(machine, folders, tmp_path):
    from tools.demo.pki import throw_away

    machine("i386")
    throw_away(tmp_path / "pki")
    rig = play("i386", folders("i386", True), "192k", options=(), pki=tmp_path / "pki")
    assert rig.outcome["result"] == "STATION_TERMINATE", rig.outcome
    assert rig.outcome["loops"] >= SECONDS * 4 and rig.outcome["forced_openings"] == 0
    agreed = rig.record.tls()
    assert agreed["version"] == "TLS 1.3" and agreed["group"] == "secp521r1"
    assert "TESTEVCC0000001" in agreed["car_certificate"]
    assert len(rig.record.key_log) == 5 and not rig.record.dissector.sealed
    assert rig.record.dissector.errors == 0 and not rig.plant.violations
    keys = [path.name for path in (rig.device.process.folder / "pki").rglob("*.key")]
    assert "vehicle.key" in keys and "secc.key" not in keys


def test_nothing_frozen_nothing_in_romfs(machine, folders):
    machine("i386")
    process = play("i386", folders("i386", False)).device.process
    ours = {name: file for name, file in process.modules.items() if file != "builtin"}
    assert {"evcc.iso20.dc", "evcc.exi", "evcc.net.tcp", "evcc.slac", "border"} <= set(ours)
    assert all(file.endswith(".mpy") for file in ours.values()), ours
    ours_builtin = [
        n for n, f in process.modules.items() if n.startswith("evcc.") and n not in ours
    ]
    assert not ours_builtin
    assert ".frozen" not in process.mounts and "Rom" not in process.mounts
    assert process.mounts.count("Vfs") == 1 and "VfsPosix" in process.mounts


def test_only_transfers_pins_samples_and_the_clock_cross(machine, folders):
    machine("i386")
    rig = play("i386", folders("i386", False), options=())
    counts = rig.device.counts
    assert set(counts) <= set("XIRAOCS")
    assert counts["X"] > 1000 and counts["A"] > 500 and counts["S"] > 500


def test_the_same_story_as_on_this_python(machine, folders):
    machine("i386")
    here, there = play(), play("i386", folders("i386", True))
    assert names(here) == names(there)


def test_a_heap_too_small_ends_safely_and_is_told(machine, folders):
    machine("i386")
    rig = None
    with pytest.raises(Exception, match="MemoryError|memory"):
        rig = play("i386", folders("i386", False), heap="64k")
        assert rig.outcome["result"] not in ("COMPLETED", "STATION_TERMINATE")
        raise MemoryError(rig.outcome["detail"])


def test_sizes_are_known(tmp_path):
    try:
        made = build_mpy(["evcc", "drivers"], tmp_path)
    except VMError as error:
        pytest.fail(str(error), pytrace=False)
    assert "evcc.controller" in made and all(len(data) > 20 for data in made.values())
