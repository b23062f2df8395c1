# SPDX-License-Identifier: MIT
"""Charts of the session and the controller, walked by whole sessions in the emulated world.

Every edge of the tables is taken by one of these sessions, and none of them takes any other; what
no session of ours takes is named. That an answer to another request than the one in flight is
refused, each in each state, is tried on the session alone.
"""

import pytest
from evcc import exi, v2gtp
from evcc.reasons import V2GError

from host_tests.iso20 import scripted as scripted_dc
from host_tests.iso20 import scripted_ac
from host_tests.sim import rig, rig_ac
from host_tests.sim.test_pause import Paused
from host_tests.sim.test_renegotiation import Signer, sign
from host_tests.sim.test_tls import BOTH, START, Secure
from tools.charger.secc.flow import SCHEMAS
from tools.charger.secc.session import FILLER
from tools.chart.tables import CONTROLLER
from tools.chart.tables import ac as ac_chart
from tools.chart.tables import dc as dc_chart
from tools.pki import maker

# Allowed, and taken by no story of ours: a car that is not ready would say PowerDelivery(Start)
# again, with EVProcessing Ongoing; ours ends by the loop, also after MeteringConfirmation.
# Who has checked in checks out before SessionStop.
NEVER = {
    ("PowerDelivery", "PowerDelivery"),
    ("MeteringConfirmation", "PowerDelivery"),
    ("VehicleCheckIn", "SessionStop"),
}


class Walk:
    """Runs sessions; `edges` of the session and `states` of the controller that they took."""

    def __init__(self):
        self.edges, self.states = set(), set()

    def watch(self, made):
        controller = made.device.controller
        enter = controller.enter

        def entered(state):
            if controller.state != state or state not in ("unplugged",):
                self.states.add((controller.state, state))
            enter(state)

        controller.enter = entered
        return made

    def took(self, made):
        before = None
        for entry in made.station.log:
            if entry.direction == "request" and entry.name != "supportedAppProtocolReq":
                name = entry.name[:-3]
                if before:
                    self.edges.add((before, name))
                before = name

    def run(self, made, *acts):
        """`acts`: (message, what, nth)."""
        self.watch(made)
        for message, what, nth in acts:
            made.at(message, what, nth)
        assert made.run(), made.outcome
        self.took(made)
        made.world.run(made.world.now + 1000)
        return made


def scripted(walk, Run, messages):
    """Sessions with the station of dicts: quick, as nothing but the story runs."""

    def play(run, name=None):
        run.station.loops_until_terminate = 5
        for repeated in ("Authorization", "ScheduleExchange", "DC_CableCheck"):
            answers = iter(["Ongoing"])
            run.station.edit[repeated] = lambda response, answers=answers: response.update(
                EVSEProcessing=next(answers, response["EVSEProcessing"])
            )
        if name:

            def before(asked):
                if asked == name:
                    run.session.wish_stop("USER_STOP")

            run.before = before
        run.run()
        names = run.station.names()
        walk.edges.update(zip(names, names[1:]))

    play(Run())
    for name in sorted(messages):
        play(Run(), name)
    run, unusable = Run(), iter([{"Name": "GeneratorMode", "intValue": 2}])

    def spoil(response):
        more = next(unusable, None)
        for entry in response["ServiceParameterList"]["ParameterSet"]:
            entry["Parameter"] += [more] if more else []

    run.station.edit["ServiceDetail"] = spoil
    play(run)


def sessions(walk, Rig, chart):
    """Detours from the loop, through every layer."""

    def made(rows=(), **more):
        rig = Rig(faults=list(rows), **more)
        rig.station.plan.stop_s = 1.5
        return rig

    for what in ("ScheduleRenegotiation", "ServiceRenegotiation"):
        rig = made(notify(what))
        walk.run(rig, ("PowerDelivery", lambda rig=rig: rig.station.scenario.rows.clear(), 2))
    rig, signer = made(notify("MeteringConfirmation")), Signer()
    walk.run(rig, ("PowerDelivery", lambda: sign(rig, signer), 1))
    assert signer.asked
    parking = {"station": {"vas": ["ParkingStatus"]}, "settings": {"vas": "ParkingStatus"}}
    early = {
        b for a, _, b in chart if a in ("ServiceSelection", "ScheduleExchange", "DC_CableCheck")
    }
    early -= {"SessionStop", "PowerDelivery"}
    for message in (None, "VehicleCheckIn", *sorted(early)):
        rig = made(**parking)
        walk.run(rig, *[(message, lambda rig=rig: rig.controller.stop(), 1)] * bool(message))


def notify(what):
    return [{"do": "notify", "after_s": 0.5, "notification": what, "delay_s": 30}]


def paused(walk, rig, loop, state=None):
    """Paused by the driver and resumed; or stopped in the pause (`state`: "paused", "joining")."""
    walk.watch(rig)
    rig.at(loop, lambda: rig.controller.pause(), 3)
    rig.to_pause()
    walk.took(rig)
    if state:
        at_state(rig, state)
    if state != "paused":
        rig.controller.resume()
    if state:
        if state == "paused":
            rig.controller.stop()
        rig.until(lambda: rig.controller.state == "finished")
    else:
        rig.to_end()
        walk.took(rig)


def standby(walk, rig, loop):
    rig.station.plan.stop_s = 8
    walk.run(
        rig,
        (loop, lambda: rig.controller.standby(), 3),
        (loop, lambda: rig.controller.resume(), 22),
    )


class PausedAc(Paused, rig_ac.Rig):
    """A car that pauses at an outlet."""


def compare(walk, table):
    table = {(a, b) for a, _, b in table}
    assert walk.edges - table == set()
    assert table - walk.edges == NEVER


def test_every_edge_of_dc_is_taken_and_no_other():
    walk = Walk()
    scripted(walk, scripted_dc.Run, {a for a, _, _ in dc_chart()})
    sessions(walk, rig.Rig, dc_chart())
    paused(walk, Paused(), "DC_ChargeLoop")
    standby(walk, rig.Rig(station={"standby": True}), "DC_ChargeLoop")
    compare(walk, dc_chart())


def test_every_edge_of_ac_is_taken_and_no_other():
    walk = Walk()
    scripted(walk, scripted_ac.Run, {a for a, _, _ in ac_chart()})
    sessions(walk, rig_ac.Rig, ac_chart())
    paused(walk, PausedAc(), "AC_ChargeLoop")
    compare(walk, ac_chart())


def test_every_other_answer_is_refused():
    """The state is the request in flight: of all responses only its own is taken."""
    for chart, energy in ((dc_chart, v2gtp.DC), (ac_chart, v2gtp.AC)):
        names = sorted({a for a, _, _ in chart()})
        session = scripted_dc.Run().session
        session.energy = energy
        for state in names:
            for answer in names:
                if answer == state:
                    continue
                stream = energy if answer[:3] in ("DC_", "AC_") else v2gtp.MAIN
                message = {"Header": {"SessionID": bytes(8), "TimeStamp": 1}}
                message.update(FILLER.get(answer, {}), ResponseCode="OK")
                data = exi.encode(SCHEMAS[stream], answer + "Res", message)
                with pytest.raises(V2GError) as caught:
                    session.decode(state, stream, data, 0)
                assert caught.value.reason == "WRONG_MESSAGE", (state, answer)


def test_every_edge_of_the_controller_is_taken_and_no_other(tmp_path):
    """Good and bad sessions, as a person sees them."""
    walk = Walk()
    made = rig.Rig()
    made.station.plan.stop_s = 1
    walk.run(made)
    for state in ("matching", "discovering", "connecting"):
        stopped(walk, rig.Rig(), state)
    secure(walk, tmp_path)
    for state in (None, "paused", "joining"):
        paused(walk, Paused(), "DC_ChargeLoop", state)
    unreachable(walk)
    assert walk.states == {(a, b) for a, _, b in CONTROLLER}


def at_state(made, state):
    """The driver stops as soon as `state` is there."""
    enter = made.controller.enter

    def entered(name):
        enter(name)
        if name == state:
            made.controller.stop()

    made.controller.enter = entered


def stopped(walk, made, state):
    walk.watch(made)
    at_state(made, state)
    assert made.run() and made.outcome["result"] == "USER_STOP"


def secure(walk, folder):
    maker.make(folder, "P-256", days=BOTH, now=START)
    for state in (None, "securing"):
        made = Secure(folder, folder)
        made.station.plan.stop_s = 1
        if state:
            stopped(walk, made, state)
        else:
            walk.run(made)


def unreachable(walk):
    """The line is dead while TCP connects: the station is looked for again."""
    made = rig.Rig(settings={"setup_timeout_s": 90})
    walk.watch(made)
    enter = made.controller.enter

    def entered(name):
        first = ("connecting", "discovering") not in walk.states
        made.line.loss = 1.0 if name == "connecting" and first else 0.0
        enter(name)

    made.controller.enter = entered
    assert made.run() and made.outcome["result"] == "STATION_TERMINATE"
