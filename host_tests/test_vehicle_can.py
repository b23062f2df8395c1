# SPDX-License-Identifier: MIT
"""A vehicle behind signals, at python-can's virtual bus; the other end speaks through cantools."""

import types

import can
import pytest
from evcc.can_map import MapError
from evcc.ports import INLET_mA, INLET_mV, new
from evcc.reason_texts import number

from host_tests.can_rig import EXAMPLE, CanBus


@pytest.fixture
def bus():
    bus = CanBus()
    yield bus
    bus.close()


def test_values_are_in_si_units(bus):
    vehicle = bus.vehicle(ev_discharge_power_W=8000.0, ev_discharge_current_A=40.0)
    assert bus.run(vehicle, 0, 1000) is None
    m, lim, d = vehicle.measured(), vehicle.limits(), vehicle.demand()
    assert m.pack_voltage == pytest.approx(370) and m.current == 0 and m.soc == 50
    assert m.capacity == 60000 and m.temperature == 25
    assert lim.charge_power == 50000 and lim.charge_current == 100
    assert lim.discharge_power == 8000  # the settings bound the bus
    assert lim.discharge_current == 40 and lim.max_voltage == 450 and lim.min_voltage == 300
    assert d.target_energy == 60000 * (80 - 50) / 100
    bus.values["PackCurrent"] = -33.4
    bus.run(vehicle, 1000, 1100)
    assert vehicle.measured().current == pytest.approx(-33.4)


def test_settings_that_allow_no_discharging_win(bus):
    vehicle = bus.vehicle(ev_discharge_power_W=0.0)
    bus.run(vehicle, 0, 1000)
    assert vehicle.limits().discharge_power == 0


def test_before_the_first_frames_there_is_a_fault(bus):
    vehicle = bus.vehicle()
    vehicle.update(0)
    assert vehicle.fault() == "pack_voltage: CAN frame 0x18FF50E5x never came"
    assert vehicle.limits().charge_power == 0 and vehicle.measured().pack_voltage is None


@pytest.mark.parametrize(
    "message, text, ms",
    [
        ("BMS_Pack", "pack_voltage: CAN frame 0x18FF50E5x stopped coming", 250),
        ("BMS_State", "soc: CAN frame 0x355 stopped coming", 1000),
        ("BMS_Limits", "charge_current: CAN frame 0x351 stopped coming", 500),
    ],
)
def test_a_stale_signal_stops_charging_and_comes_back(bus, message, text, ms):
    vehicle = bus.vehicle()
    assert bus.run(vehicle, 0, 1000) is None
    bus.battery.silent.add(message)
    assert bus.run(vehicle, 1000, 1000 + ms - 200) is None
    assert bus.run(vehicle, 1000 + ms - 200, 1000 + ms + 20) == text
    assert vehicle.limits().charge_power == vehicle.limits().charge_current == 0
    bus.battery.silent.clear()
    assert bus.run(vehicle, 3000, 3300) is None


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("PackVoltage", 1200.0, "pack_voltage: 1200.0 is outside 0.0..1000.0"),
        ("SOC", 655.0, "soc: 655.0 is outside 0.0..100.0"),
        ("Temperature", 100, "temperature: 100.0 is outside -40.0..90.0"),
    ],
)
def test_an_implausible_signal_stops_charging_one_frame_does_not(bus, name, value, text):
    vehicle = bus.vehicle()
    bus.run(vehicle, 0, 1000)
    good, bus.values[name] = bus.values[name], value
    assert bus.run(vehicle, 1000, 1100) is None
    bus.values[name] = good
    assert bus.run(vehicle, 1100, 3000) is None
    bus.values[name] = value
    assert bus.run(vehicle, 3000, 4200) == text


def test_a_frame_that_is_too_short_is_none(bus):
    vehicle = bus.vehicle()
    bus.run(vehicle, 0, 1000)
    bus.battery.silent.add("BMS_Pack")
    for now in range(1000, 2000, 50):
        bus.far.send(can.Message(arbitration_id=0x18FF50E5, is_extended_id=True, data=b"\0"))
        vehicle.update(now)
    assert "pack_voltage" in vehicle.fault()


def test_an_identifier_of_11_bits_is_not_the_one_of_29(bus):
    lines = EXAMPLE.read_text().replace("0x18FF50E5x", "0x0000E5x").split("\n")
    vehicle = bus.vehicle(lines=lines)
    bus.far.send(can.Message(arbitration_id=0xE5, is_extended_id=False, data=bytes(6)))
    vehicle.update(0)
    assert vehicle._in["pack_voltage"].value is None
    bus.far.send(can.Message(arbitration_id=0xE5, is_extended_id=True, data=bytes(6)))
    vehicle.update(10)
    assert vehicle._in["pack_voltage"].value == 0


def test_a_fault_of_the_vehicle_and_a_counter_that_stands(bus):
    vehicle = bus.vehicle()
    bus.values["Fault"] = 7
    assert bus.run(vehicle, 0, 500) == "fault 7 of the vehicle"
    bus.values["Fault"] = 0
    assert bus.run(vehicle, 500, 1000) is None
    bus.standstill = True
    assert bus.run(vehicle, 1000, 1900) is None
    assert bus.run(vehicle, 1900, 2300) == "alive: the counter stands still"


def test_no_bus_is_a_fault(bus):
    vehicle = bus.vehicle()
    bus.run(vehicle, 0, 1000)
    bus.port.poll = lambda now: None
    bus.port.ready = False
    vehicle.update(1010)
    assert vehicle.fault() == "no CAN bus"


def test_what_goes_out_is_what_the_other_end_decodes(bus):
    raw = new()
    raw[INLET_mV], raw[INLET_mA] = 399_600, -12_000
    vehicle = bus.vehicle(types.SimpleNamespace(raw=raw))
    vehicle.offer({"max_current": 125.0})
    for i, event in enumerate(
        ["unplugged", "plugged", "cable_check", "precharge", "closed", "stopping", "opened"]
    ):
        vehicle.notify(event)
        bus.run(vehicle, i * 100, i * 100 + 40)
        heard = bus.battery.heard["EVCC_State"]
        assert heard["State"] == i
    assert heard["InletVoltage"] == pytest.approx(399.6)
    assert heard["StationMaxCurrent"] == 125
    first = heard["Counter"]
    vehicle.notify("ended USER_STOP")
    bus.run(vehicle, 1000, 1110)
    heard = bus.battery.heard["EVCC_State"]
    assert heard["StopReason"] == number("USER_STOP") and heard["Counter"] != first


def test_frames_go_at_their_rate(bus):
    vehicle = bus.vehicle()
    sent = bus.port.counters["sent"]
    bus.run(vehicle, 0, 1000)
    assert bus.port.counters["sent"] - sent == 10


def test_a_babbling_bus_does_not_stop_the_loop(bus):
    vehicle = bus.vehicle()
    for _ in range(200):
        bus.far.send(can.Message(arbitration_id=0x351, is_extended_id=False, data=bytes(8)))
    vehicle.update(0)
    assert bus.port.counters["received"] == 20


def test_missing_and_wrong_lines_are_refused(bus):
    lines = [line for line in EXAMPLE.read_text().split("\n") if " soc " not in line]
    with pytest.raises(MapError, match="example.txt: no line for soc, which charging needs"):
        bus.vehicle(lines=lines)
    with pytest.raises(MapError, match="example.txt line 1: no signal 'speed' in"):
        bus.vehicle(lines=["in speed 0x1 0|8@1+ (1,0) [0|1] 100"])


def test_the_on_board_charger(bus):
    more = """
    in ac_charge_power 0x352 32|16@1+ (1,0) [0|22000] 500
    in ac_active_power 0x353 0|16@1- (1,0) [-22000|22000] 500
    out ac_target_power 0x7A1 0|16@1- (1,0) [-22000|22000] 100
    """
    vehicle = bus.vehicle(lines=(EXAMPLE.read_text() + more).split("\n"))
    bus.values["ChargePowerLimit"] = 5.0

    def frames(now):
        for identifier, data in ((0x352, b"\0\x32\0\x64\x10\x27"), (0x353, b"\x88\x13")):
            bus.far.send(can.Message(arbitration_id=identifier, is_extended_id=False, data=data))
        return bus.run(vehicle, now, now + 10)

    bus.run(vehicle, 0, 300)
    assert frames(300) is None
    charger = vehicle.charger()
    assert charger.charge_power == 5000  # the battery's limit, below the charger's 10 kW
    assert charger.active_power == 5000 and charger.discharge_power == 0
    charger.set(4200.0)
    vehicle.update(1000)
    frames = {f.arbitration_id: f.data for f in iter(lambda: bus.far.recv(0), None)}
    assert frames[0x7A1] == (4200).to_bytes(8, "little")
    assert vehicle.charger() is charger


def test_without_its_measured_power_a_charger_is_never_used(bus):
    more = "in ac_charge_power 0x352 32|16@1+ (1,0) [0|22000] 500"
    vehicle = bus.vehicle(lines=EXAMPLE.read_text().split("\n") + [more])
    bus.run(vehicle, 0, 300)
    assert vehicle.charger().charge_power == 0
