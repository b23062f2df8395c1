# SPDX-License-Identifier: MIT
"""The whole station in emulation: pilot, SLAC, IPv6 host, SDP, TCP, SECC, as one part of a world.

Pilot handling after IEC 61851-1 Annex A as far as digital communication needs it: 5 % PWM as soon
as a car is there, steady after the end. Everything protocol-like lives in the parts; the power
circuit lives in the output given to it.
"""

from tools.charger import sdp
from tools.charger.connection import Connection
from tools.charger.net import StationHost
from tools.charger.scenario import Scenario
from tools.charger.secc.session import Secc
from tools.charger.slac import EvseSlac
from tools.charger.tls import TlsServer

EPOCH_S = 1_767_225_600  # 2026-01-01: the station's clock at world.now == 0
PORT = 61851
_IDLE_MS = 1000


class Station:
    """modem: emulated (`send(frame)`, `on_receive`), or any such frame link; mac: 6 bytes;
    pilot: `pwm(duty)`, `fault(state)`, `state`, `listeners`; output: Output.

    scenario: Scenario (settings, plan, faults); plan: PowerPlan, instead of the scenario's.
    `summary()`, `log` and `secc` are those of the newest session; `sessions` has all summaries.
    """

    def __init__(
        self, world, modem, mac, pilot, output, plan=None, scenario=None, on_message=None, tls=None
    ):
        self.world, self.modem, self.pilot, self.output = world, modem, pilot, output
        self.scenario = scenario or Scenario()
        self.plan = plan or self.scenario.plan
        self.config = self.scenario.config
        self.on_message = on_message
        self.outlet = None  # of AC (see secc.ac_supply.IdealOutlet); None: an ideal one
        self.tls = tls  # an SSLContext (tools.charger.tls), or None
        self.urandom = world.urandom_for("station")
        self.slac = EvseSlac(mac, self._send, self.urandom)
        self.host = StationHost(mac, self._send, self.urandom)
        self.host.udp_bind(sdp.SDP_PORT, self._datagram)
        self.host.listen(PORT, self._connect)
        self.memory = {}
        self.connection = None
        self.secc = None
        self.sessions = []
        self.counters = {}
        self._secure = False  # the last SDP answer said TLS
        self._inbox = []
        self._deaf_until = {"in": 0, "out": 0}
        self._state = pilot.state
        modem.on_receive = self._receive
        pilot.listeners.append(self._pilot_changed)
        world.add(self)
        self._started = False

    # -- world ------------------------------------------------------------------------------

    def step(self, now):
        if not self._started:
            self._started = True
            self.slac.start(now)
            self.host.start(now)
        self._follow_pilot(now)
        while self._inbox:
            frame = self._inbox.pop(0)
            if frame[12:14] == b"\x88\xe1":
                self.slac.feed(frame, now)
            else:
                self.host.feed(frame, now)
        deadline = now + _IDLE_MS
        for part in (self.connection, self.slac, self.host):
            if part is not None:
                due = part.step(now)
                if due is not None:
                    deadline = min(deadline, due)
        self.output.step(now)
        return max(deadline, now + 1)

    # -- pilot ------------------------------------------------------------------------------

    def _pilot_changed(self, state):
        self.world.wake(self)

    def _follow_pilot(self, now):
        before, self._state = self._state, self.pilot.state
        if self._state == before:
            return
        if before in "AEF" and self._state in "BCD":
            self.slac.plugged(now)
            self.pilot.pwm(5)
        elif before == "C" and self._state == "B":
            self.slac.toggle_seen(now)
            if self.memory.get("paused") and self.pilot.duty is None:
                self.pilot.pwm(5)  # the car wakes us up
        elif self._state in "AEF":
            self.slac.unplugged(now)
            if self._state == "A":
                self.pilot.pwm(None)
                self.memory.clear()

    # -- frames -----------------------------------------------------------------------------

    def _receive(self, frame):
        if self.world.now < self._deaf_until["in"]:
            self._count("dropped in")
            return
        self._inbox.append(bytes(frame))
        self.world.wake(self)

    def _send(self, frame):
        if self.world.now < self._deaf_until["out"]:
            self._count("dropped out")
            return True
        return self.modem.send(bytes(frame))

    # -- SDP, TCP, session ------------------------------------------------------------------

    def _datagram(self, address, port, payload, now):
        security = sdp.choose(self.config.sdp_security, payload, self.tls is not None)
        self._secure = security == "tls"
        reply = sdp.answer(payload, self.host.address, PORT, security)
        if reply is None:
            self._count("sdp refused")
            return
        self.host.learn(address, self.host.frame_mac, now)
        self.host.udp_send(address, port, sdp.SDP_PORT, reply, now)

    def _connect(self, tcp):
        now = self.world.now
        if self.connection is not None and not self.connection.closed:
            self._count("second connection")
            tcp.abort(now)
            return
        self.secc = Secc(
            self.config,
            self.plan,
            output=self.output,
            outlet=self.outlet,
            urandom=self.urandom,
            clock=lambda: EPOCH_S + self.world.now // 1000,
            pilot=lambda: self.pilot.state,
            faults=self.scenario.faults(),
            memory=self.memory,
            on_message=self.on_message,
        )
        self.secc.hook = self._fault
        self.connection = _TcpConnection(self, tcp)
        tcp.on_data = self.connection.receive

    def ended(self):
        """TCP of the session is over, whoever closed it."""
        self.sessions.append(self.secc.summary())
        if self.pilot.state != "A" and self.secc.evccid:  # else it was no session yet
            self.pilot.pwm(None)

    @property
    def log(self):
        return self.secc.log if self.secc else ()

    def summary(self):
        return self.secc.summary() if self.secc else None

    # -- faults outside the SECC ------------------------------------------------------------

    def _fault(self, do, values, now):
        if do == "pilot":
            if values["to"] in ("E", "F"):
                self.pilot.fault(values["to"])
            else:
                self.pilot.pwm(5 if values["to"] == "5%" else None)
        elif do == "drop_frames":
            for direction in ("in", "out"):
                if values["direction"] in (direction, "both"):
                    self._deaf_until[direction] = now + values["ms"]

    def _count(self, what):
        self.counters[what] = self.counters.get(what, 0) + 1


class _TcpConnection(Connection):
    """A Connection on the emulated host's TCP: also notices that TCP has gone."""

    def __init__(self, station, tcp):
        self.station, self.tcp = station, tcp
        self.reported = False
        tls = TlsServer(station.tls) if station.tls and station._secure else None
        super().__init__(station.secc, self._out, self._close_tcp, tls)

    def _out(self, data):
        return self.tcp.send(data, self.station.world.now)

    def _close_tcp(self, abort):
        now = self.station.world.now
        if abort:
            self.tcp.abort(now)
        else:
            self.tcp.close(now)

    def step(self, now):
        if not self.closed and self.tcp.state not in ("ESTABLISHED", "SYN_RECEIVED"):
            if self.tcp.state == "CLOSE_WAIT":
                self.tcp.close(now)
            self.lost(self.tcp.error or "closed by the car", now)
        deadline = super().step(now)
        if self.closed and not self.reported:
            self.reported = True
            self.station.ended()
        return deadline
