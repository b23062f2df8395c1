# SPDX-License-Identifier: MIT
"""The station as a part of a simulated world: pilot, SDP, TCP, whole sessions over frames, and
the faults that live outside the SECC. The car's end is the device's IPv6 host with scripted
requests; SLAC has its own tests.
"""

import struct

import pytest
from evcc import exi, v2gtp
from evcc.net.host import Host

from host_tests.tools.charger.car import Car
from tools.charger.output import IdealOutput
from tools.charger.scenario import Scenario, loads
from tools.charger.secc.flow import MESSAGES
from tools.charger.station import Station
from tools.emulator.board import Pilot
from tools.emulator.world import World

CAR_MAC, STATION_MAC = bytes.fromhex("0200000e0e01"), bytes.fromhex("0200005e5e02")
SDP_REQUEST = bytes.fromhex("01fe9000000000021000")


class Link:
    """A wire: the station's end as a modem, the car's end as a host."""

    def __init__(self, world):
        self.world, self.host, self.on_receive, self.inbox = world, None, None, []
        self.frames = 0

    def send(self, frame):
        self.inbox.append(bytes(frame))
        self.world.wake(self)
        return True

    def from_car(self, frame):
        self.frames += 1
        self.on_receive(bytes(frame))
        return True

    def step(self, now):
        while self.inbox:
            self.host.feed(self.inbox.pop(0), now)
        return max(self.host.step(now), now + 1)


class WireCar(Car):
    """The scripted car at the other end of the wire."""

    def __init__(self, scenario="", service="DC_BPT", kind="Dynamic1"):
        super().__init__(service, kind)
        self.world = World(3)
        self.wire = Pilot(self.world)
        self.link = Link(self.world)
        scenario = loads(scenario) if scenario else Scenario()
        self.station = Station(
            self.world, self.link, STATION_MAC, self.wire, IdealOutput(), scenario=scenario
        )
        self.config = self.station.config
        self.host = self.link.host = Host(
            CAR_MAC, self.link.from_car, self.world.urandom_for("car")
        )
        self.world.add(self.link)
        self.host.start(0)
        self.world.run(2000)
        self.tcp, self.found, self.inbox = None, [], []
        self.framer = v2gtp.Framer(self._message)

    secc = property(lambda self: self.station.secc, lambda self, value: None)
    now = property(lambda self: self.world.now, lambda self, value: None)

    def __setattr__(self, name, value):
        if name == "pilot" and "wire" in self.__dict__:
            self.wire.switch(value == "C")
        object.__setattr__(self, name, value)

    def discover_station(self, request=SDP_REQUEST):
        self.found.clear()
        self.host.udp_bind(50000, lambda a, p, data, now: self.found.append((a, bytes(data))))
        everyone = bytes.fromhex("ff020000000000000000000000000001")
        assert self.host.udp_send(everyone, 15118, 50000, request, self.now)
        self.world.run(self.now + 200)
        return self.found[-1] if self.found else None

    def connect(self):
        address, answer = self.discover_station()
        self.tcp = self.host.connect(answer[8:24], int.from_bytes(answer[24:26], "big"), self.now)
        self.framer = v2gtp.Framer(self._message)
        self.tcp.on_data = self.framer.feed
        self.world.wake(self.link)
        assert self.world.run_until(lambda: self.tcp.state == "ESTABLISHED", self.now + 3000)
        return self.tcp

    def _message(self, kind, payload, now):
        self.inbox.append((now, kind, bytes(payload)))

    def raw(self, payload_type, payload):
        self.inbox.clear()
        head = struct.pack(">HHI", 0x01FE, payload_type, len(payload))
        self.tcp.send(head + payload, self.now)
        self.world.wake(self.link)
        self.world.run_until(lambda: self.inbox, self.now + 3000)
        self.answers = []
        for at, kind, data in self.inbox:
            schema = next(s for k, s in MESSAGES.values() if k == kind)
            self.answers.append((at, kind, *exi.decode(schema, data)))
        if not self.answers:
            return None
        message = self.answers[-1][3]
        if "Header" in message:
            self.session_id = bytes(message["Header"]["SessionID"])
        return message

    def wait(self, ms):
        self.world.run(self.now + ms)


def plugged(scenario="", **options):
    car = WireCar(scenario, **options)
    car.wire.plug(True)
    car.wait(50)
    car.connect()
    return car


def test_whole_session_over_frames():
    car = WireCar()
    assert car.wire.duty is None
    car.wire.plug(True)
    car.wait(50)
    assert car.wire.duty == 5
    car.connect()
    assert car.until("stop")["ResponseCode"] == "OK"
    summary = car.station.summary()
    assert summary["good"] and summary["violations"] == []
    assert summary["charged_Wh"] > 0
    assert car.tcp.error is None
    car.wait(5500)  # the station closes within 5 s when the car does not
    assert car.tcp.state in ("CLOSE_WAIT", "CLOSED")
    assert car.wire.duty is None and len(car.station.sessions) == 1
    assert car.station.log[-1].name == "SessionStopRes"


def test_second_session_and_another_car():
    car = plugged()
    car.until("detail")
    car.stop()
    car.tcp.close(car.now)
    car.world.wake(car.link)
    car.wait(1000)
    car.wire.plug(False)
    car.wait(100)
    car.wire.plug(True)
    car.wait(50)
    assert car.wire.duty == 5
    car.session_id = bytes(8)
    car.connect()
    assert car.until("stop")["ResponseCode"] == "OK"
    assert [s["good"] for s in car.station.sessions] == [True]
    car.wait(6000)
    assert [s["good"] for s in car.station.sessions] == [True, True]


def test_sdp():
    car = WireCar()
    address, answer = car.discover_station()
    assert answer[:8] == bytes.fromhex("01fe900100000014") and answer[8:24] == address
    assert answer[26:] == b"\x10\x00" and int.from_bytes(answer[24:26], "big") >= 0xC000
    assert car.discover_station(SDP_REQUEST[:-2] + b"\x00\x00")[1][26] == 0x10  # no TLS yet
    for wrong in (SDP_REQUEST[:-1], SDP_REQUEST[:-1] + b"\x10", b"\x02\xfd" + SDP_REQUEST[2:]):
        assert car.discover_station(wrong) is None
    assert car.station.counters["sdp refused"] == 3
    car = WireCar('[station]\nsdp_security = "tls"')
    assert car.discover_station()[1][26] == 0x00


def test_lost_connection_takes_the_power_away():
    car = plugged()
    car.until("loops")
    assert car.station.output.current > 1
    car.tcp.abort(car.now)
    car.world.wake(car.link)
    car.wait(50)
    assert car.station.output.current == 0 and not car.station.output.on
    (summary,) = car.station.sessions
    assert not summary["good"] and "TCP" in summary["end"]


def test_pilot_b_takes_the_power_away_at_once():
    car = plugged()
    car.until("loops")
    car.pilot = "B"
    car.wait(25)
    assert car.station.output.current == 0


@pytest.mark.parametrize("do, error", [("close_tcp", "closed by peer"), ("reset_tcp", "reset")])
def test_tcp_faults(do, error):
    car = plugged(f'[[fault]]\ndo = "{do}"\nat = "DC_ChargeLoop"\nnth = 2')
    car.until("started")
    car.loop()
    assert car.loop() is None
    assert car.tcp.error == error or (do == "close_tcp" and car.tcp.state == "CLOSE_WAIT")


def test_dropped_frames():
    car = plugged('[[fault]]\ndo = "drop_frames"\nms = 400\nat = "DC_PreCharge"')
    car.until("checked")
    before = car.now
    assert car.precharge() is not None  # TCP repeats it
    assert car.now - before >= 400
    assert car.station.counters["dropped out"] >= 1


def test_pilot_faults():
    car = plugged('[[fault]]\ndo = "pilot"\nto = "E"\nat = "DC_ChargeLoop"\nnth = 2')
    car.until("started")
    car.loop()
    car.loop()
    assert car.wire.state == "E" and car.station.output.current == 0
    car = plugged('[[fault]]\ndo = "pilot"\nto = "off"\nat = "DC_ChargeLoop"\nnth = 2')
    car.until("started")
    car.loop()
    assert car.wire.duty == 5
    car.loop()
    assert car.wire.duty is None and car.wire.state == "C"


def test_split_answers_come_as_many_segments():
    car = plugged('[[fault]]\ndo = "split"\nsize = 5\nat = "ServiceDiscovery"')
    assert car.until("discover")["ResponseCode"] == "OK"


def test_pause_and_resume():
    car = plugged()
    car.until("stopped")
    car.stop("Pause")
    car.tcp.close(car.now)
    car.world.wake(car.link)
    car.wait(1000)
    assert car.wire.duty is None
    car.pilot = "C"  # the car wakes the station by a B-C-B toggle
    car.wait(200)
    car.pilot = "B"
    car.wait(200)
    assert car.wire.duty == 5
    car.connect()
    car.sap()
    assert car.setup()["ResponseCode"] == "OK_OldSessionJoined"
    for name in car.STORY[car.STORY.index("parameters") :]:
        answer = getattr(car, name)()
    assert answer["ResponseCode"] == "OK"


def test_same_seed_same_session():
    logs = []
    for _ in range(2):
        car = plugged()
        car.until("stop")
        logs.append([(e.ms, e.name, str(e.message)) for e in car.station.log])
    assert logs[0] == logs[1]
