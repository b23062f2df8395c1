# SPDX-License-Identifier: MIT
"""Pause and resume through every layer: who wishes it, who wakes, what is kept, what is forgotten.

The station is the emulated one: it switches its oscillator off after a session, wakes by a
B-C-B toggle, and knows the paused session's id as long as its memory is left alone.
"""

import json

import pytest

from host_tests.fakes import FakeStore
from host_tests.sim.rig import Rig

FULL = ["SessionSetup", "AuthorizationSetup"]
JOINED = ["SessionSetup", "DC_ChargeParameterDiscovery"]


class Paused(Rig):
    """A car with a store, and a person who can wait."""

    def __init__(self, *args, **more):
        self.store = FakeStore()
        super().__init__(*args, **more)

    def _device(self):
        device = super()._device()
        device.controller.store = self.store
        self.controller = device.controller
        return device

    def until(self, true, limit=60000):
        assert self.world.run_until(true, self.world.now + limit), self.controller.state

    def wait(self, ms):
        self.world.run(self.world.now + ms)

    def to_pause(self, locked=True):
        """Plugged in, and then paused; `locked`: power had been asked for before."""
        self.wait(500)
        self.board.plug()
        self.until(lambda: self.controller.state in ("paused", "finished"))
        assert self.controller.state == "paused", self.controller.summary()
        self.wait(500)
        self.check_asleep(locked)

    def check_asleep(self, locked=True):
        assert not self.plant.contactors.closed and not self.pilot.s2
        assert self.board.motor.locked == locked
        assert not locked or not self.board.unplug()
        assert self.pilot.duty is None
        assert self.violations() == [] and self.controller.safety.forced_openings == 0

    def to_end(self):
        """The session after the pause has ended for good."""
        self.until(lambda: self.controller.state == "finished")
        self.wait(500)
        assert self.board.unplug()
        self.wait(500)
        assert self.controller.kept is None and self.store.files == {}
        assert self.violations() == [] and self.controller.safety.forced_openings == 0
        self.check_safe()
        return self.controller.summary()

    def opening(self):
        """The first messages of the newest session, after supportedAppProtocol."""
        names = [e.name[:-3] for e in self.station.log if e.direction == "request"]
        assert names[0] == "supportedAppProtocol"
        return names[1:3]


def paused(**more):
    """A session that the driver pauses in the loop."""
    rig = Paused(**more)
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 5)
    rig.to_pause()
    assert rig.controller.result == "USER_PAUSE"
    assert rig.station.summary()["end"] == "SessionStop(Pause)"
    return rig


@pytest.mark.shows("pause by the car, resume", "driver", peer="our station")
def test_pause_and_resume_by_the_driver():
    rig = paused()
    kept = json.loads(rig.store.files["session"])
    assert kept["id"] == rig.station.memory["paused"]["id"].hex()
    assert kept["evseid"] == "DE*UEV*E000001" and len(kept["network"]) == 2
    matched = rig.station.slac.counters.get("slac_parm", 0)
    rig.controller.resume()
    summary = rig.to_end()
    assert rig.opening() == JOINED
    assert rig.station.secc.session_id.hex() == kept["id"]
    assert summary["result"] == "STATION_TERMINATE" and summary["loops"] > 5
    assert summary["service"] == "DC_BPT" and summary["control_mode"] == "Dynamic"
    assert rig.controller.sessions == 2 and len(rig.station.sessions) == 2
    assert rig.station.slac.counters.get("slac_parm", 0) == matched
    assert rig.station.summary()["violations"] == []


@pytest.mark.shows("pause by the station, resume", "station calls", peer="our station")
def test_pause_by_the_station_and_its_call():
    rig = Paused([{"do": "notify", "after_s": 1, "notification": "Pause", "delay_s": 5}])
    rig.to_pause()
    assert rig.controller.result == "STATION_PAUSE"
    rig.wait(20000)
    assert rig.controller.state == "paused"  # nobody wished anything
    rig.station.scenario.rows.clear()
    rig.pilot.pwm(5)
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


def test_go_to_pause_before_any_power():
    rig = Paused(station={"go_to_pause": True})
    rig.to_pause(locked=False)
    assert rig.controller.result == "STATION_PAUSE" and rig.controller.summary()["loops"] == 0
    assert not rig.plant.opened_at
    rig.pilot.pwm(5)
    assert rig.to_end()["loops"] > 5
    assert rig.opening() == JOINED


def test_wish_of_the_car():
    rig = Paused()
    wishes = [None]
    rig.controller.vehicle.wish = lambda: wishes[0]
    rig.at("DC_ChargeLoop", lambda: wishes.append(wishes.pop() or "pause"), 5)
    rig.to_pause()
    wishes[0] = None
    rig.wait(5000)
    assert rig.controller.state == "paused"
    wishes[0] = "resume"
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


def test_paused_twice():
    rig = paused()
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 5)
    rig.controller.resume()
    rig.until(lambda: rig.controller.state == "session")
    assert rig.store.files == {}  # a power cut from here on starts a new session
    rig.until(lambda: rig.controller.state == "paused")
    rig.controller.resume()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.controller.sessions == 3 and rig.opening() == JOINED


def test_a_station_that_refuses_to_pause():
    rig = Paused(station={"pause": False})
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 5)
    rig.run()
    assert rig.outcome["result"] == "PAUSE_REFUSED"
    assert "FAILED_PauseNotAllowed" in rig.outcome["detail"]
    assert rig.store.files == {} and rig.violations() == []
    rig.check_safe()


def test_a_station_that_has_forgotten_gets_a_new_session():
    rig = paused()
    old = rig.station.secc.session_id
    rig.station.memory.clear()
    rig.pilot.pwm(5)
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == FULL and rig.station.secc.session_id != old


def test_a_station_with_another_evseid_is_another_one():
    rig = paused()
    rig.station.config.evse_id = "DE*UEV*E000002"
    rig.controller.resume()
    summary = rig.to_end()
    assert summary["result"] == "OTHER_STATION" and "E000001" in summary["detail"]
    assert rig.station.secc.counts["SessionSetup"] == 1 and "SessionStop" not in (
        rig.station.secc.counts
    )


def test_a_station_that_joins_uninvited():
    rig = Paused([{"do": "code", "code": "OK_OldSessionJoined", "at": "SessionSetup"}])
    rig.run()
    assert rig.outcome["result"] == "WRONG_SESSION_ID"


def test_a_station_that_changed_its_key_is_matched_anew():
    rig = paused()
    rig.station.slac.nmk = bytes(range(16))
    rig.station.slac.unplugged(rig.world.now)
    rig.station.slac.start(rig.world.now)
    rig.station.slac.plugged(rig.world.now)
    rig.controller.resume()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


def power_off(rig):
    """The car's controller loses its power, and so does its watchdog."""
    rig.world.remove(rig.device)
    rig.board._fed = None
    rig.wait(3000)


def power_on(rig):
    rig.device = rig._device()
    rig.world.add(rig.device)
    rig.wait(300)


@pytest.mark.shows("pause by the car, resume", "power cut in the pause", peer="our station")
def test_power_cut_in_the_pause():
    rig = paused()
    before = rig.controller
    power_off(rig)
    power_on(rig)
    assert rig.controller is not before and rig.controller.state == "paused"
    rig.wait(5000)
    assert rig.controller.state == "paused"
    rig.check_asleep()
    rig.controller.resume()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


def test_watchdog_reset_in_the_pause():
    rig = paused()
    rig.world.remove(rig.device)
    rig.wait(3000)
    assert rig.board.resets == 1 and rig.controller.state == "paused"
    rig.controller.safety.forced_openings = 0  # it cannot know that nothing was closed
    rig.controller.resume()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


def test_called_while_without_power():
    rig = paused()
    power_off(rig)
    rig.pilot.pwm(5)
    power_on(rig)
    assert rig.to_end()["loops"] > 5
    assert rig.opening() == JOINED


def test_unplugged_while_without_power():
    rig = paused()
    power_off(rig)
    rig.board.unplug(force=True)
    rig.wait(100)
    power_on(rig)
    rig.wait(1000)
    assert rig.store.files == {} and rig.controller.state == "unplugged"
    rig.board.motor.command(False, rig.world.now)  # by hand
    rig.board.plug()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == FULL


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b"null", b'{"id": 1}', b'{"id": "00", "service": []}']
)
def test_what_is_stored_makes_no_sense(data):
    rig = Paused()
    rig.store.files["session"] = data
    rig.run()
    assert rig.outcome["result"] == "STATION_TERMINATE" and rig.store.files == {}
    assert rig.opening() == FULL


def test_stop_in_the_pause_unlocks_and_forgets():
    rig = paused()
    rig.controller.stop()
    summary = rig.to_end()
    assert summary["result"] == "USER_STOP" and len(rig.station.sessions) == 1


@pytest.mark.parametrize("pilot", ["A", "E", "F"])
def test_pilot_in_the_pause_ends_it(pilot):
    rig = paused()
    if pilot == "A":
        rig.board.unplug(force=True)
    else:
        rig.pilot.fault(pilot)
    rig.wait(3000)
    assert rig.store.files == {} and rig.controller.kept is None
    assert not rig.board.motor.commanded
    assert rig.controller.result == "USER_PAUSE"


def test_stop_counts_more_than_a_pause():
    rig = Paused()

    def both():
        rig.controller.pause()
        rig.controller.stop()

    rig.at("DC_ChargeLoop", both, 5)
    rig.run()
    assert rig.outcome["result"] == "USER_STOP" and rig.store.files == {}
    assert rig.station.secc.stop == "SessionStop(Terminate)"


EARLY = ["AuthorizationSetup", "ServiceSelection", "ScheduleExchange", "DC_CableCheck"]


@pytest.mark.parametrize("message", [*EARLY, "DC_PreCharge", "PowerDelivery", "DC_ChargeLoop"])
def test_pause_wished_at(message):
    """Never before there is a service to come back to."""
    rig = Paused()
    rig.at(message, lambda: rig.controller.pause())
    rig.to_pause(locked=message not in EARLY[:3])
    assert rig.station.secc.counts["DC_ChargeParameterDiscovery"] == 1
    rig.controller.resume()
    assert rig.to_end()["result"] == "STATION_TERMINATE"
    assert rig.opening() == JOINED


@pytest.mark.parametrize("at", ["SessionSetup", "DC_ChargeParameterDiscovery", "DC_ChargeLoop"])
@pytest.mark.parametrize("do", ["withhold", "undecodable", "close_tcp"])
def test_faults_after_the_resumption(at, do):
    rig = paused()
    rig.station.scenario.rows.append({"do": do, "at": at})
    rig.controller.resume()
    reasons = {"withhold": "MESSAGE_TIMEOUT", "undecodable": "UNDECODABLE"}
    assert rig.to_end()["result"] == reasons.get(do, "LINK_LOST")
