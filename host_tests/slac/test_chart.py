# SPDX-License-Identifier: MIT
"""SLAC's states: each event in each state, with a station that answers on command."""

from host_tests.charts import walk
from host_tests.slac.scripted import KEY, MATCH, Rig, station
from tools.chart.tables import SLAC


class Machine:
    """The station answers all but the match, and the modem all but its key, until told to."""

    def __init__(self):
        self.say = set()
        answers = station()

        def script(rig, kind, frame):
            if kind in (MATCH, KEY) and kind not in self.say:
                return None
            return answers(rig, kind, frame)

        self.rig = Rig(script)

    @property
    def slac(self):
        return self.rig.slac

    def do(self, event):
        rig, slac = self.rig, self.rig.slac
        if event == "start":
            slac.start(rig.now)
        elif event == "leave":
            slac.leave(rig.now)
        elif event == "rejoin":
            if slac.state == "idle":  # only a new object is asked for that
                slac.rejoin(rig.now, bytes(7), bytes(16))
        elif event == "CM_SLAC_MATCH.CNF":
            self.say.add(MATCH)
            if slac.state == "matching":
                rig.run(until=("joining", "failed"))
        elif event == "slac_retry_s":
            if slac.state in ("matching", "failed", "idle"):  # others have ends of their own
                rig.run(65000)
        elif event == "link seen, or 5 s":
            if slac.state == "joining":
                self.say.add(KEY)
                rig.run(until=("ready", "failed"))
        elif event == "CM_SET_KEY.CNF, or 0.6 s":
            if slac.state == "leaving":
                rig.run(until=("idle",))


def test_every_event_in_every_state():
    walk(SLAC, Machine, lambda m, event: m.do(event), lambda m: m.slac.state)


def test_frames_of_others_move_nothing():
    """Every answer of the sequence, under a foreign run and to another car, in every state."""
    from host_tests.slac.scripted import atten, match_cnf, parm_cnf, validate_cnf
    from tools.chart.tables import reach

    for state, way in reach(SLAC, "idle").items():
        machine = Machine()
        for event in way:
            machine.do(event)
        run = bytes(8)
        for frame in (parm_cnf(run), atten(run), match_cnf(run), validate_cnf(2, 2)):
            machine.slac.feed(memoryview(frame), machine.rig.now)
            assert machine.slac.state == state
