# SPDX-License-Identifier: MIT
"""Commands of a person, at the console beside a session and at the REPL."""

import re

import pytest
from evcc import command, device, repl

from host_tests.device_rig import DeviceRig


@pytest.fixture
def rig(tmp_path):
    return DeviceRig(tmp_path / "device")


def charging(rig):
    rig.world.run(500)
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.plant.contactors.closed, 60_000)


@pytest.mark.parametrize(
    "text, places, keys",
    [
        ("", [], {}),
        ("1", [1], {}),
        ('"a,b=c", x=2.5, y = -3', ["a,b=c"], {"x": 2.5, "y": -3}),
        ("'bulb', tls=false, a=None", ["bulb"], {"tls": False, "a": None}),
        ("True,1e3", [True, 1000.0], {}),
        ('path="/log/x"', [], {"path": "/log/x"}),
    ],
)
def test_arguments_of_a_command(text, places, keys):
    assert command.arguments(text) == (places, keys)


@pytest.mark.parametrize("text", ["a", "1 2", "x=", '"a', "1,,2", "[1]", "open('x')", "1;2", "\0"])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(ValueError):
        command.arguments(text)


@pytest.mark.parametrize(
    "line",
    ["", "x", "status", "status(", "open('x')", "__import__('os')", "gate()", "Text(1)", "1+1"],
)
def test_other_lines_name_the_commands_and_do_nothing(line):
    assert command.run(line).startswith("commands: status() selftest() start()")


def test_status_before_in_and_after_a_session(rig):
    assert "state: unplugged" in rig.answer("status()")
    charging(rig)
    rig.world.run(rig.world.now + 1000)
    text = rig.answer("status()")
    assert (
        "state: session DC_ChargeLoop" in text and "contactors: closed, connector locked" in text
    )
    assert re.search(r"pilot: C, duty (4\.[89]|5(\.[12])?) %", text)
    assert "bench settings until power-off" in text
    rig.world.run_until(lambda: rig.device.finished, 200_000)
    text = rig.answer("status()")
    assert "result: STATION_TERMINATE" in text and "The station asked to end" in text
    assert "contactors: open" in text


def test_stop_ends_in_order(rig):
    assert rig.answer("stop()") == "no session"
    charging(rig)
    assert rig.answer("stop()") == "stopping"
    assert rig.world.run_until(lambda: rig.device.finished, rig.world.now + 20_000)
    assert rig.controller.result == "USER_STOP" and not rig.violations()
    rig.check_safe()
    assert rig.answer("start()") == "one session a plug-in: draw the plug and plug in again"


def test_last_shows_a_message_and_hides_who_it_is(rig):
    assert "ask again" in rig.answer("last()")
    rig.world.run(500)
    rig.board.plug()
    rig.at("AuthorizationSetup", lambda: None)
    seen = []
    rig.world.run_until(lambda: seen.append(rig.device.device.trace.last) or rig.acted, 60_000)
    setup = [entry for entry in seen if entry and entry[1] == "SessionSetupReq"]
    assert setup and setup[0][2]["EVCCID"]
    rig.device.device.trace.last = setup[0]
    assert rig.device.device.trace.last[2]["EVCCID"] not in str(repl.last())
    assert "'EVCCID': '***'" in str(repl.last())
    charging(rig)
    rig.world.run(rig.world.now + 500)
    assert "DC_ChargeLoopRes" in rig.answer("last()") or "DC_ChargeLoopReq" in rig.answer("last()")


def test_limits_only_lower_and_reach_the_station(rig):
    charging(rig)
    rig.world.run(rig.world.now + 1000)
    assert rig.plant.current > 20
    before = rig.answer("limits()")
    text = rig.answer("limits(charge_current=5, charge_power=1e9)")
    assert "charge_current 5\n" in text
    assert [x for x in before.split("\n") if "power" in x] == [
        x for x in text.split("\n") if "power" in x
    ]
    rig.world.run(rig.world.now + 1500)
    assert 0 < rig.plant.current < 6 and not rig.violations()
    assert rig.answer("limits(charge_current=none)") == before
    assert rig.answer("limits(amps=1)").startswith("limits: there are: charge_power")
    assert "not below 0" in rig.answer("limits(charge_current=-1)")


def test_selftest_is_a_table_and_refused_while_plugged_in(rig):
    rig.world.run(1000)
    world, parts = rig.world, device.current.parts
    world.remove(rig.device)  # it waits inside the command
    parts.clock = lambda: world.run(world.now + 1) or world.now
    text = str(repl.selftest())
    world.add(rig.device)
    parts.clock = lambda: world.now
    rows = {line.split()[0]: line for line in text.split("\n")}
    assert set(rows) == set("modem pins pilot sensors CAN card keys heap clock settings".split())
    assert " good " in rows["pins"] and " good " in rows["pilot"] and " good " in rows["clock"]
    assert "not wired" in rows["CAN"] and "TLS is off" in rows["keys"]
    rig.board.plug()
    rig.world.run(rig.world.now + 100)
    assert rig.answer("selftest()").startswith("selftest: plugged in or contactors closed")
    with pytest.raises(RuntimeError, match="draw the plug"):
        repl.gate()


def test_bench_wires_what_it_is_told_at_rest_only(rig):
    rig.world.run(100)
    text = rig.answer('bench("bulb", volts=100, amps=2)')
    assert text == "bench settings until power-off"
    vehicle = device.current.controller.vehicle
    assert vehicle.measured().pack_voltage == 100 and vehicle.demand().target_current == 2
    assert not vehicle.limits().discharge_power and vehicle.limits().max_voltage < 115
    assert "is sim or bulb" in rig.answer('bench("car")')
    assert rig.answer('bench("sim", tls=false, key_log=true)') == "bench settings until power-off"
    d = device.current
    assert d.settings.allow_iso20_without_tls and d.controller.keylog == d.secrets.append
    charging(rig)
    assert "draw the plug" in rig.answer('bench("bulb")')
    assert b"key_log = " not in (rig.folder / "settings.toml").read_bytes()


def test_without_a_vehicle_the_console_says_so_and_bench_helps(tmp_path):
    rig = DeviceRig(tmp_path / "device", settings={})
    (rig.folder / "settings.toml").write_text("# end\n")
    d = device.current
    from evcc.boot import boot

    rig.world.remove(rig.device)
    module = rig.device.module
    rig.device.device = d = boot(module)
    d.running = True
    rig.world.add(rig.device)
    assert "does not charge: settings.toml: no vehicle" in rig.answer("status()")
    assert rig.answer("stop()").startswith("stop: it does not charge")
    assert rig.answer('bench("sim")') == "bench settings until power-off"
    assert "state: unplugged" in rig.answer("status()")


def test_a_chatty_person_does_not_disturb_a_session(tmp_path):
    quiet, loud = DeviceRig(tmp_path / "a"), DeviceRig(tmp_path / "b")
    lines = (
        b"status()\rlimits()\rlast()\rnonsense "
        + b"x" * 300
        + b"\r\x1b[A\x7f\xff\x00trace()\rhelp\r"
    )
    quiet.run()

    def feed(now):
        if len(loud.terminal.typed) < 1000:
            loud.type(lines)
        return now + 10

    loud.world.add(type("Feeder", (), {"step": staticmethod(feed)})())
    loud.run()
    assert loud.outcome["result"] == quiet.outcome["result"] == "STATION_TERMINATE"
    assert not loud.violations() and loud.outcome["loops"] >= quiet.outcome["loops"] - 1
    assert loud.terminal.most_in <= 24 and loud.terminal.most_out <= 48 + 24
    assert loud.terminal.shown.count("state: session DC_ChargeLoop") > 3


def test_the_repl_after_the_loop_and_back(rig, monkeypatch):
    rig.world.run(200)
    rig.type(b"\3")
    rig.world.run(400)
    assert rig.device.left == "repl" and rig.device.module.safes == 1
    assert "state: unplugged" in repr(repl.status()) and repl.gate() is None
    d = device.current
    rig.board.plug()
    with pytest.raises(RuntimeError, match="draw the plug"):
        repl.gate()
    rig.board.unplug()
    ran = []
    d.parts.idle = lambda ms: None
    monkeypatch.setattr(
        d, "step", lambda now: ran.append(now) or setattr(d, "left", "repl") or now
    )
    repl.start()
    assert ran


def test_a_light_bulb_takes_little_until_somebody_stops(tmp_path):
    """The plant has a battery of the bulb's voltage: a resistor is nothing that it knows."""
    rig = DeviceRig(tmp_path / "device", settings={"services": "DC"})
    rig.world.run(200)
    assert rig.answer('bench("bulb", volts=364, amps=2)') == "bench settings until power-off"
    charging(rig)
    rig.world.run(rig.world.now + 2000)
    assert 0.5 < rig.plant.current <= 4.1, rig.plant.current
    assert rig.answer("stop()") == "stopping"
    assert rig.world.run_until(lambda: rig.device.finished, rig.world.now + 20_000)
    assert rig.controller.result == "USER_STOP" and not rig.violations()
    assert rig.controller.summary()["discharged_Wh"] == 0
    rig.check_safe()


def test_pause_and_start(rig):
    from evcc.led import STATES, shown

    assert rig.answer("pause()") == "no session"
    charging(rig)
    rig.world.run(rig.world.now + 500)
    assert rig.answer("pause()") == "pausing"
    assert rig.world.run_until(lambda: rig.controller.state == "paused", rig.world.now + 30_000)
    assert shown(rig.device.device) == STATES["paused"]
    assert (
        "state: paused" in rig.answer("status()") and (rig.folder / "store" / "session").exists()
    )
    rig.world.run(rig.world.now + 3000)
    assert rig.answer("start()") == "going on"
    assert rig.world.run_until(lambda: rig.plant.contactors.closed, rig.world.now + 60_000)
    assert rig.world.run_until(lambda: rig.controller.sessions == 2, rig.world.now + 60_000)
    assert not rig.violations()


def test_the_page_has_every_command():
    from tools import ROOT

    page = (ROOT / "firmware" / "README.md").read_text()
    for name in repl.COMMANDS:
        assert f"| `{name}(" in page or f", `{name}(" in page, name
        assert getattr(repl, name).__doc__
