# SPDX-License-Identifier: MIT
"""Firmware of the emulated modems: keys, networks, local answers, bridging, silence, profiles."""

import pytest

from tools.emulator.modem import StationModem
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World

CAR, STATION, OTHER = (bytes((2, 0, 0, 0, 0, i)) for i in (1, 2, 3))
KEY, KEY2 = bytes(range(16)), bytes(range(1, 17))
IP = b"\x86\xdd"


def mme(dst, src, kind, body=b"", mmv=1):
    head = dst + src + b"\x88\xe1" + bytes((mmv,)) + kind.to_bytes(2, "little")
    return (head + (b"\0\0" if mmv else bytes.fromhex("00b052")) + body).ljust(60, b"\0")


LOCAL = bytes.fromhex("00b052000001")


def set_key(src, nmk):
    return mme(LOCAL, src, 0x6008, b"\1" + bytes(8) + b"\4" + bytes(4) + bytes(7) + b"\1" + nmk)


class Pair:
    """A car's modem (role 1) and a station's (role 2), both with plain hosts."""

    def __init__(self, seed=1):
        self.world = World(seed)
        self.line = PowerLine(self.world)
        self.got = {}
        self.modems = {}
        for host, role in ((CAR, 1), (STATION, 2)):
            self.add(host, role)

    def add(self, host, role):
        modem = StationModem(self.world, host[:4] + b"\xf0" + host[5:], role)
        self.got[host] = []
        modem.on_receive = self.got[host].append
        self.modems[host] = modem
        self.line.attach(modem)

    def send(self, host, frame, ms=100):
        for got in self.got.values():
            got.clear()
        self.modems[host].send(frame)
        self.world.run(self.world.now + ms)
        return self.got

    def match(self):
        self.send(STATION, set_key(STATION, KEY))
        self.send(CAR, set_key(CAR, KEY), 2000)


def kinds(frames):
    return [f[15] | f[16] << 8 for f in frames]


def test_set_key_is_answered_locally_and_stays_local():
    pair = Pair()
    got = pair.send(STATION, set_key(STATION, KEY))
    assert kinds(got[STATION]) == [0x6009] and got[CAR] == []
    answer = got[STATION][0]
    assert answer[:6] == STATION and answer[6:12] == pair.modems[STATION].mac
    assert answer[19] == 1 and answer[31] == 0xFF


def test_car_is_silent_until_a_coordinator_is_heard():
    pair = Pair()
    parm = mme(b"\xff" * 6, CAR, 0x6064)
    assert pair.send(CAR, parm)[STATION] == []
    pair.send(STATION, set_key(STATION, KEY))
    assert kinds(pair.send(CAR, parm)[STATION]) == [0x6064]


def test_only_one_network_passes_other_frames():
    pair = Pair()
    frame = b"\xff" * 6 + CAR + IP + bytes(50)
    pair.send(STATION, set_key(STATION, KEY))
    pair.send(CAR, set_key(CAR, KEY2), 3000)
    assert pair.send(CAR, frame)[STATION] == []
    pair.send(CAR, set_key(CAR, KEY), 1000)
    assert pair.send(CAR, frame)[STATION] == []  # still joining
    pair.world.run(pair.world.now + 1000)
    assert pair.send(CAR, frame)[STATION] == [frame]
    answer = CAR + STATION + IP + bytes(50)
    assert pair.send(STATION, answer)[CAR] == [answer]
    for_somebody_else = OTHER + STATION + IP + bytes(50)
    assert pair.send(STATION, for_somebody_else)[CAR] == []
    pair.send(STATION, set_key(STATION, KEY2))
    assert pair.send(CAR, frame)[STATION] == []


def test_two_networks_on_one_line():
    pair = Pair()
    pair.add(OTHER, 2)
    frame = b"\xff" * 6 + CAR + IP + bytes(50)
    seen = []
    pair.line.on_frame = lambda frame, now: seen.append(frame)
    pair.send(STATION, set_key(STATION, KEY))
    assert pair.send(CAR, frame)[STATION] == [] == seen  # in no network: not sent at all
    pair.send(OTHER, set_key(OTHER, KEY2))
    pair.send(CAR, set_key(CAR, KEY2), 2000)
    got = pair.send(CAR, frame)
    assert got[OTHER] == [frame] and got[STATION] == []


def test_profile_per_sound_at_stations_only():
    pair = Pair()
    pair.add(OTHER, 1)
    pair.send(STATION, set_key(STATION, KEY))
    pair.line.attenuate(pair.modems[CAR], pair.modems[STATION], 22)
    got = pair.send(CAR, mme(b"\xff" * 6, CAR, 0x6076))
    assert sorted(kinds(got[STATION])) == [0x6076, 0x6086] and kinds(got[OTHER]) == [0x6076]
    profile = next(f for f in got[STATION] if f[15] == 0x86)
    assert profile[19:25] == CAR and profile[25] == 58 and len(profile) == 85
    assert 20 < sum(profile[27:]) / 58 < 24


def test_version_link_network_and_pib():
    pair = Pair()
    car = pair.modems[CAR]
    answer = pair.send(CAR, mme(LOCAL, CAR, 0xA000, mmv=0))[CAR][0]
    assert len(answer) == 297 and b"MAC-QCA7005" in answer and answer[20:22] == b"\0\x22"
    status, info = mme(LOCAL, CAR, 0xA0B8, mmv=0), mme(LOCAL, CAR, 0xA038, mmv=0)
    assert pair.send(CAR, status)[CAR][0][20:22] == b"\0\0"
    assert pair.send(CAR, info)[CAR][0][20] == 0
    pair.match()
    assert pair.send(CAR, status)[CAR][0][20:22] == b"\0\1"
    net = pair.send(CAR, info)[CAR][0][20:]
    assert net[0] == 1 and net[10] == 0 and net[18] == 1
    assert net[19:25] == pair.modems[STATION].mac and net[26:32] == STATION
    car.link_ms = 7000
    assert pair.send(CAR, status)[CAR][0][21] == 0  # told late, though it is there
    read = bytes.fromhex("0000000001000012000000000002700000010053160000")
    answer = pair.send(CAR, mme(LOCAL, CAR, 0xA0B0, read, mmv=0))[CAR][0]
    assert answer[20:24] == bytes(4) and answer[43:48] == bytes.fromhex("5316000001")


def test_get_key_tells_who_is_in_the_network():
    pair = Pair()
    ask = mme(b"\xff" * 6, CAR, 0x600C, b"\0\1" + bytes(7))
    pair.send(STATION, set_key(STATION, KEY))
    assert [f[6:12] for f in pair.send(CAR, ask)[CAR]] == [pair.modems[CAR].mac]
    pair.match()
    assert {f[6:12] for f in pair.send(CAR, ask)[CAR]} == {m.mac for m in pair.modems.values()}


def test_mute_refusing_and_restarting():
    pair = Pair()
    car = pair.modems[CAR]
    pair.match()
    car.key_result = 0
    assert pair.send(CAR, set_key(CAR, KEY2))[CAR][0][19] == 0 and car.nmk == KEY
    car.mute = True
    assert pair.send(CAR, mme(LOCAL, CAR, 0xA000, mmv=0))[CAR] == []
    car.mute = False
    pair.send(CAR, mme(LOCAL, CAR, 0xA01C, mmv=0))
    assert not car.joined
    pair.world.run(pair.world.now + 2000)
    assert car.joined  # by itself: the key was kept


def test_modem_alone_goes_silent_and_wakes_by_a_beacon():
    pair = Pair()
    pair.modems[CAR].doze_ms = 30_000
    ask = mme(LOCAL, CAR, 0xA000, mmv=0)
    assert pair.send(CAR, ask)[CAR]
    pair.world.run(31_000)
    assert not pair.send(CAR, ask)[CAR]
    pair.send(STATION, set_key(STATION, KEY))
    assert pair.send(CAR, ask)[CAR]


def test_unplugged_cable_leaves_the_network():
    pair = Pair()
    pair.match()
    assert pair.modems[STATION].joined
    pair.line.detach(pair.modems[CAR])
    assert not pair.modems[STATION].joined and not pair.modems[CAR].joined


@pytest.mark.parametrize("seed", range(3))
def test_any_bytes_from_the_host(seed):
    pair = Pair(seed)
    rng = pair.world.rng
    for _ in range(300):
        kind = rng.choice(
            (0x6008, 0x600C, 0xA000, 0xA038, 0xA0B0, 0xA0B8, 0x6076, rng.randrange(65536))
        )
        frame = mme(rng.choice((LOCAL, b"\xff" * 6)), CAR, kind, rng.randbytes(rng.randrange(90)))
        pair.modems[CAR].send(frame[: rng.randrange(14, len(frame) + 1)])
    pair.world.run(pair.world.now + 100)
