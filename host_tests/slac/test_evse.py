# SPDX-License-Identifier: MIT
"""The station's side of SLAC: each message, its repeats, limits and faults, with scripted cars."""

import random

import pytest

from tools.charger.slac import EvseSlac, nid_of

EVSE, MODEM = bytes.fromhex("0200005e5e02"), bytes.fromhex("0200005ef2f2")
ALL, RUN = b"\xff" * 6, bytes(range(8))


def ev(n):
    return bytes((2, 0, 0, 0x0E, 0x0E, n))


def mme(kind, body, src, dst=ALL):
    head = dst + src + b"\x88\xe1\1" + kind.to_bytes(2, "little") + b"\0\0"
    return (head + body).ljust(60, b"\0")


class Rig:
    def __init__(self, **settings):
        self.now = 0
        self.sent = []
        self.matched = []
        self.slac = EvseSlac(EVSE, self.send, random.Random(1).randbytes)
        self.slac.on_matched = lambda mac, now: self.matched.append(mac)
        for name, value in settings.items():
            setattr(self.slac, name, value)
        self.slac.start(0)
        self.feed(mme(0x6009, b"\1", MODEM, EVSE))
        self.slac.plugged(0)
        self.sent.clear()

    def send(self, frame):
        self.sent.append((self.now, frame[15] | frame[16] << 8, bytes(frame)))

    def feed(self, frame):
        self.slac.feed(frame, self.now)

    def run(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now = min(end, max(self.now + 1, self.slac.step(self.now)))
        self.slac.step(self.now)

    def kinds(self):
        return [k for _, k, _ in self.sent]

    def take(self, kind):
        found = [(t, f) for t, k, f in self.sent if k == kind]
        self.sent.clear()
        return found

    # what a car sends
    def parm(self, n=1, run=RUN, types=b"\0\0"):
        self.feed(mme(0x6064, types + run, ev(n)))

    def start(self, n=1, run=RUN, kind=1, mac=None):
        self.feed(mme(0x606A, b"\0\0\x0a\x06" + bytes((kind,)) + (mac or ev(n)) + run, ev(n)))

    def sounds(self, n=1, count=10, dB=20):
        for i in range(count):
            self.feed(mme(0x6076, bytes(19) + bytes((9 - i,)) + RUN, ev(n)))
            self.feed(mme(0x6086, ev(n) + b"\x3a\0" + bytes((dB + i % 2,)) * 58, MODEM))

    def rsp(self, n=1):
        self.feed(mme(0x606F, b"\0\0" + ev(n) + RUN + bytes(35), ev(n), EVSE))

    def match(self, n=1, evse=EVSE, length=b"\x3e\0", run=RUN):
        body = b"\0\0" + length + bytes(17) + ev(n) + bytes(17) + evse + run + bytes(8)
        self.feed(mme(0x607C, body, ev(n), EVSE))

    def validate(self, timer, n=1):
        self.feed(mme(0x6078, bytes((0, timer, 1)), ev(n), EVSE))

    def up_to_match(self, n=1):
        self.parm(n)
        self.start(n)
        self.sounds(n)
        self.rsp(n)
        return self


def test_key_of_the_own_modem_is_repeated():
    slac_sent = []
    slac = EvseSlac(EVSE, slac_sent.append, random.Random(1).randbytes)
    slac.start(0)
    for t in range(0, 3000, 100):
        slac.step(t)
    assert len(slac_sent) >= 3 and len(set(slac_sent)) == 1
    frame = slac_sent[0]
    assert frame[33:40] == nid_of(slac.nmk) and frame[41:57] == slac.nmk
    slac.feed(mme(0x6009, b"\1", MODEM, EVSE), 3000)
    count = len(slac_sent)
    slac.step(9000)
    assert len(slac_sent) == count


def test_whole_match():
    rig = Rig().up_to_match()
    assert rig.kinds() == [0x6065, 0x606E]
    cnf, report = rig.sent[0][2], rig.sent[1][2]
    assert cnf[:6] == ev(1) == cnf[28:34] and cnf[25:28] == b"\x0a\6\1" and cnf[36:44] == RUN
    assert report[21:27] == ev(1) and report[69:71] == b"\x0a\x3a" and set(report[71:129]) == {20}
    rig.match()
    answer = rig.sent[-1][2]
    assert answer[21:23] == b"\x56\0" and answer[85:92] == nid_of(rig.slac.nmk)
    assert answer[93:109] == rig.slac.nmk and rig.matched == [ev(1)] and rig.slac.peer == ev(1)
    rig.match()  # its answer was lost: once more, but it is the same match
    assert rig.sent[-1][2] == answer and rig.matched == [ev(1)]
    rig.parm(2)
    assert rig.slac.counters["matched_already"] == 1


def test_report_is_repeated_until_answered():
    rig = Rig()
    rig.parm()
    rig.start()
    rig.sounds()
    rig.run(1000)
    assert [t for t, _ in rig.take(0x606E)] == [0, 200, 400]
    assert rig.slac.runs == {} and rig.slac.counters["given_up_reported"] == 1


def test_lost_sounds_are_waited_for_and_told():
    rig = Rig()
    rig.parm()
    rig.start()
    rig.sounds(count=7)
    rig.run(700)
    ((when, report), *_) = rig.take(0x606E)
    assert when == 600 and report[69] == 7


def test_times_out_at_each_step():
    rig = Rig()
    rig.parm()
    rig.run(500)
    rig.start()
    assert rig.slac.counters == {"given_up_asked": 1, "start_refused": 1}
    rig.parm()
    rig.start()
    rig.run(700)
    assert rig.slac.counters["no_profiles"] == 1
    rig.up_to_match().run(11_000)
    rig.match()
    assert rig.slac.counters["given_up_waiting"] == 1 and not rig.matched


def test_five_cars_at_a_time():
    rig = Rig()
    for n in range(1, 7):
        rig.parm(n)
    assert len(rig.take(0x6065)) == 5 and rig.slac.counters["too_many"] == 1
    for n in range(1, 6):
        rig.start(n)
    for n in range(1, 6):
        rig.sounds(n, dB=10 * n)
    assert [f[71] for _, f in rig.take(0x606E)] == [10, 20, 30, 40, 50]


@pytest.mark.parametrize(
    "kw", [dict(evse=ev(9)), dict(length=b"\0\x3e"), dict(run=bytes(8)), dict(n=2)]
)
def test_match_requests_that_do_not_fit(kw):
    rig = Rig().up_to_match()
    rig.match(**kw)
    assert 0x607D not in rig.kinds() and rig.slac.counters["match_refused"] == 1


def test_match_before_the_report_is_refused():
    rig = Rig()
    rig.parm()
    rig.match()
    assert rig.slac.counters["match_refused"] == 1


def test_requests_that_do_not_fit():
    rig = Rig()
    rig.parm(types=b"\0\1")
    rig.parm()
    rig.start(kind=0)
    rig.start(mac=ev(3))
    rig.start(run=bytes(8))
    assert rig.slac.counters == {"security": 1, "start_refused": 3}


def test_nothing_without_plug_and_after_unplug():
    rig = Rig()
    rig.up_to_match().match()
    old = rig.slac.nmk
    rig.slac.unplugged(rig.now)
    rig.parm()
    assert rig.slac.counters["idle"] == 1 and rig.slac.nmk != old
    assert rig.kinds()[-1] == 0x6008  # the next car gets another key
    rig.slac.plugged(rig.now)
    rig.parm()
    assert rig.kinds()[-1] == 0x6065


def test_validation():
    rig = Rig().up_to_match()
    rig.validate(0)
    assert rig.take(0x6079)[0][1][19:22] == b"\0\0\1"
    rig.validate(19)
    for _ in range(2):
        rig.run(600)
        rig.slac.toggle_seen(rig.now)
    rig.run(900)
    ((when, answer),) = rig.take(0x6079)
    assert when == 2000 and answer[20:22] == b"\2\2"
    rig.match()
    assert rig.matched


def test_validation_of_two_cars():
    rig = Rig().up_to_match(1).up_to_match(2)
    rig.validate(0, 1)
    rig.validate(0, 2)
    assert [f[21] for _, f in rig.take(0x6079)] == [1, 0]


@pytest.mark.parametrize("policy, result", [("failure", 3), ("not_required", 4)])
def test_validation_policies(policy, result):
    rig = Rig(validation=policy).up_to_match()
    rig.validate(0)
    assert rig.take(0x6079)[0][1][21] == result


def test_link_supervision():
    rig = Rig().up_to_match()
    rig.match()
    rig.run(600)
    assert rig.kinds()[-1] == 0xA0B8
    head = EVSE + MODEM + b"\x88\xe1\0\xb9\xa0\0\xb0\x52"
    rig.feed((head + b"\0\0").ljust(60, b"\0"))
    assert not rig.slac.linked
    rig.feed((head + b"\0\1").ljust(60, b"\0"))
    assert rig.slac.linked
    rig.run(20_000)
    assert rig.slac.state == "matched"
    rig = Rig().up_to_match()
    rig.match()
    rig.run(12_600)
    assert rig.slac.state == "matching" and rig.slac.counters["join_timeout"] == 1


def test_faults_for_scenarios():
    rig = Rig(mute=True)
    rig.parm()
    assert not rig.sent
    rig = Rig(withhold={0x606E}).up_to_match()
    assert rig.kinds() == [0x6065]
    rig = Rig(delay_ms=150)
    rig.parm()
    assert not rig.sent
    rig.run(200)
    assert rig.take(0x6065)[0][0] == 150
    rig = Rig(bad_nmk=True).up_to_match()
    rig.match()
    assert rig.sent[-1][2][93:109] != rig.slac.nmk


def test_frames_of_others():
    rig = Rig().up_to_match()
    rig.feed(mme(0x607C, bytes(66), ev(1), ev(9)))
    assert rig.slac.counters == {"not_for_us": 1}
    rig.feed(mme(0x6064, bytes(10), EVSE))  # our own, heard back
    for n in range(130):
        rig.feed(mme(0x606F, bytes(80), ev(1), EVSE)[:n])
