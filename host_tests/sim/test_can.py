# SPDX-License-Identifier: MIT
"""A whole session whose vehicle is a battery on CAN: the plant's pack tells what it measures."""

import pytest

from host_tests.can_rig import EXAMPLE, CanBus
from host_tests.sim.rig import Rig
from tools.demo import rig


class CanRig(Rig):
    """The rig with CanVehicle instead of SimVehicle."""

    def __init__(self, **more):
        self.can = CanBus()
        super().__init__(**more)
        self.world.add(_Bms(self))

    def _device(self):
        from evcc import sim_vehicle
        from evcc.vehicle_can import CanVehicle

        original = rig.SimVehicle
        lines = EXAMPLE.read_text().split("\n")
        rig.SimVehicle = lambda board, params, speed: CanVehicle(
            self.can.port, board, params, lines
        )
        try:
            return super()._device()
        finally:
            rig.SimVehicle = original
            assert original is sim_vehicle.SimVehicle


class _Bms:
    def __init__(self, owner):
        self._rig = owner

    def step(self, now):
        plant, values = self._rig.plant, self._rig.can.values
        values["PackVoltage"] = plant.pack.voltage(plant.current)
        values["PackCurrent"] = plant.current
        values["SOC"] = plant.pack.soc * 100
        return min(self._rig.can.battery.step(now), now + 20)


@pytest.fixture
def world():
    made = []

    def make(**more):
        made.append(CanRig(**more))
        return made[-1]

    yield make
    for one in made:
        one.can.close()


@pytest.mark.shows("battery on CAN", peer="our emulation")
def test_a_session_charges_the_battery_on_the_bus(world):
    one = world(settings={"services": "DC"})
    assert one.run()
    assert one.outcome["result"] == "STATION_TERMINATE", one.outcome
    assert one.outcome["charged_Wh"] > 5
    one.check_safe()
    assert not one.violations()
    state = one.can.battery.heard["EVCC_State"]
    assert state["StopReason"] == 3 and state["State"] == 0  # and unplugged


@pytest.mark.parametrize(
    "message, word", [("BMS_Pack", "pack_voltage"), ("BMS_State", "soc")], ids=["fast", "slow"]
)
def test_a_bus_that_falls_silent_ends_the_session(world, message, word):
    one = world(settings={"services": "DC"})
    one.at("DC_ChargeLoop", lambda: one.can.battery.silent.add(message), 5)
    one.run()
    assert one.acted
    assert one.outcome["result"] == "VEHICLE_FAULT" and word in one.outcome["detail"]
    one.check_safe()
    assert not one.violations()


def test_a_bus_that_never_spoke_lets_nothing_close(world):
    one = world(settings={"services": "DC"})
    one.can.battery.silent.update(["BMS_Pack"])
    one.run()
    assert one.outcome["result"] in ("VEHICLE_FAULT", "NO_INLET_SENSOR", "INCOMPATIBLE_LIMITS")
    assert not one.plant.contactors.operations
    one.check_safe()
