# SPDX-License-Identifier: MIT
"""Safety's states for DC and AC: each request and each thing seen, in each state."""

from evcc.params import Params
from evcc.reasons import V2GError
from evcc.safety import Safety
from evcc.safety_ac import AcPower
from evcc.sim_vehicle import SimVehicle

from host_tests.charts import walk
from host_tests.fakes import FakeBoard
from tools.chart.tables import SAFETY, SAFETY_AC, reach


class Board(FakeBoard):
    """Contactors that report what the test says, not what they were told."""

    told = False

    def contactors(self, on):
        self.told = on
        self.log.append(("contactors", on, self.amps))


class Machine:
    def __init__(self):
        self.board = Board()
        params = Params()
        self.vehicle = SimVehicle(self.board, params)
        self.safety = Safety(self.board, self.vehicle, params)
        self.now = 0
        self.run(40)

    def run(self, ms, alive=True):
        end = self.now + ms
        while self.now < end:
            self.now += 20
            self.vehicle.update(self.now)
            if alive:
                self.safety.poll()
            self.safety.tick(self.now)

    def do(self, event):
        """Let it happen; what only some states can see is left out in the others."""
        safety, board, state = self.safety, self.board, self.safety.state
        if state == "releasing":
            board.closed = True  # until the test says otherwise
        if event in ("ready", "close", "release"):
            self.ask(event)
        elif event == "feedback closed":
            board.closed = True
            self.run(20)
        elif event == "feedback open":
            board.closed = board.closed and state not in ("opening", "stuck")
            self.run(20)
        elif event == "feedback late" and state in ("closing", "opening"):
            board.closed = state == "opening"
            self.run(540)
        elif event == "contactors drop" and state == "closed":
            board.closed = False
            self.run(80)
            assert safety.trip == "CONTACTOR_FAILED"
        elif event == "no current" and state == "releasing":
            board.amps = 0.5
            self.run(20)
            assert safety.forced_openings == 0
        elif event == "current for 2 s" and state == "releasing":
            self.run(2020)
            assert safety.forced_openings == 1
        elif event == "limit passed" and state == "closed":
            board.amps = 500.0
            begin = self.now
            while safety.state == "closed" and self.now < begin + 1000:
                self.run(20)
            assert self.now - begin <= 100 and safety.trip == "LIMIT_EXCEEDED"
        elif event == "protocol silent" and state in ("ready", "closed"):
            self.run(4200, alive=False)
            assert safety.trip == "PROTOCOL_STALLED"
        elif event == "240 s" and state == "ready":
            self.run(240100)
            assert safety.trip == "PHASE_TIMEOUT"
        elif event == "isolation fault":
            board.isolation = 0
            self.run(60)
        elif event == "pilot E":
            board.pilot = "E"
            self.run(100)
        elif event == "unplugged":
            board.pilot = "A"
            self.run(20)
        elif event == "fault of the vehicle":
            self.vehicle.trouble = "test"
            self.run(20)
        elif event == "too hot":
            board.celsius = 150.0
            self.run(20)

    def ask(self, event):
        safety, board = self.safety, self.board
        try:
            if event == "ready":
                safety.ready()
            elif event == "close":
                if safety.state == "ready":
                    board.volts = self.vehicle.measured().pack_voltage
                    self.run(20)
                safety.close()
                board.amps = 20.0  # flows on in releasing, until the station stops it
            elif event == "release":
                safety.release()
        except V2GError:
            return  # refused
        self.run(20)


def test_every_event_in_every_state():
    walk(SAFETY, Machine, lambda m, event: m.do(event), lambda m: m.safety.state)


def test_what_is_told_to_the_outputs_in_each_state():
    for state, way in reach(SAFETY, "open").items():
        machine = Machine()
        for event in way:
            machine.do(event)
        assert machine.board.told == (state in ("closing", "closed", "releasing")), state
        assert machine.board.c == (state in ("ready", "closing", "closed")), state


class Charger:
    """An on-board charger whose power is what the test says."""

    charge_power = 11000.0
    discharge_power = 0.0
    active_power = 0.0
    target = None

    def set(self, watts):
        self.target = watts


class AcMachine(Machine):
    def __init__(self):
        super().__init__()
        self.charger = Charger()

    def do(self, event):
        safety, state = self.safety, self.safety.state
        if event == "power asked":
            try:
                AcPower(safety, self.charger)
            except V2GError:
                return  # refused
            self.run(20)
        elif event == "80 ms" and state == "ac_wait":
            self.run(80)
            self.charger.active_power = 7000.0
        elif event in ("80 ms", "release"):
            if event == "release":
                self.charger.active_power = 7000.0  # it takes its time to stop
                safety.release()
                assert state == "stuck" or self.charger.target == 0 or not safety.ac
            self.run(20)
        elif event == "limit passed" and state == "ac":
            self.charger.active_power = 13000.0
            self.run(100)
            assert safety.trip == "LIMIT_EXCEEDED"
        elif event == "protocol silent" and state == "ac":
            self.run(4020, alive=False)
            assert safety.trip == "PROTOCOL_STALLED"
        elif event == "no power":
            if state in ("ac_off", "stuck"):
                self.charger.active_power = 0.0
            self.run(20)
        elif event == "power for 2 s" and state == "ac_off":
            self.charger.active_power = 7000.0
            self.run(2020)
            assert safety.trip == "VEHICLE_FAULT"
        elif event in ("pilot E", "unplugged", "fault of the vehicle", "too hot"):
            if state != "open":
                self.charger.active_power = 7000.0
            super().do(event)
        elif event == "isolation fault":
            if state != "open":
                self.charger.active_power = 7000.0
            super().do(event)


# State C is not out yet: what the pilot says ends the session elsewhere.
SKIP_AC = [("ac_wait", "pilot E"), ("ac_wait", "unplugged")]


def test_every_event_in_every_state_of_ac():
    walk(SAFETY_AC, AcMachine, lambda m, event: m.do(event), lambda m: m.safety.state, SKIP_AC)


def test_state_c_of_ac_stands_in_one_state():
    for state, way in reach(SAFETY_AC, "open").items():
        machine = AcMachine()
        for event in way:
            machine.do(event)
        assert machine.board.c == (state == "ac") and not machine.board.told, state
