# SPDX-License-Identifier: MIT
"""SLAC of the EV without a modem: scripted stations, every step, its times, counts and texts."""

import json
import random
from pathlib import Path

import pytest
from evcc.params import Params
from evcc.slac import Slac, matching

EV, EVSE, EVSE2, MODEM = (
    bytes.fromhex(x) for x in ("0200000e0e01", "0200005e5e02", "0200005e5e03", "0200000ef1f1")
)
NMK, NID = bytes(range(16)), bytes.fromhex("11223344556607")
LOCAL, ALL = bytes.fromhex("00b052000001"), b"\xff" * 6
PARM, START, SOUND, RSP, VALIDATE, MATCH, KEY = (
    0x6064,
    0x606A,
    0x6076,
    0x606F,
    0x6078,
    0x607C,
    0x6008,
)
STATUS, INFO, AMP = 0xA0B8, 0xA038, 0x601D


def mme(kind, body, src=EVSE, dst=EV, mmv=1):
    head = dst + src + b"\x88\xe1" + bytes((mmv,)) + kind.to_bytes(2, "little")
    return (head + (b"\0\0" if mmv else b"\0\xb0\x52") + body).ljust(60, b"\0")


def parm_cnf(run, src=EVSE, dst=EV, sounds=10, timeout=6, ev=EV, types=b"\0\0"):
    body = ALL + bytes((sounds, timeout, 1)) + ev + types + run
    return mme(0x6065, body, src, dst)


def atten(run, dB=10, src=EVSE, dst=EV, sounds=10, groups=58, ev=EV, types=b"\0\0"):
    aag = bytes((dB,)) * groups if isinstance(dB, int) else bytes(dB)
    return mme(0x606E, types + ev + run + bytes(34) + bytes((sounds, groups)) + aag, src, dst)


def match_cnf(run, src=EVSE, dst=EV, ev=EV, evse=None, types=b"\0\0"):
    body = types + b"\x56\0" + bytes(17) + ev + bytes(17) + (evse or src) + run + bytes(8)
    return mme(0x607D, body + NID + b"\0" + NMK, src, dst)


def validate_cnf(toggles, result, src=EVSE):
    return mme(0x6079, bytes((0, toggles, result)), src)


def key_cnf(result=1):
    return mme(0x6009, bytes((result,)) + bytes(12), MODEM)


def status(up):
    return mme(0xA0B9, bytes((0, up)), MODEM, mmv=0)


def info(role=0, nid=NID, stations=1):
    net = nid + bytes((1, 2, role)) + EVSE + bytes((1, stations)) + bytes(15)
    return mme(0xA039, b"\1" + net, MODEM, mmv=0)


class Rig:
    """A Slac whose frames are kept with their times; `script` may answer each of them.

    script(rig, kind, frame) -> list of (delay ms, frame) to be fed back.
    """

    def __init__(self, script=None, accept=None, **settings):
        self.now = 0
        self.sent = []
        self.coming = []
        self.script = script
        self.accept = accept or (lambda rig, kind: True)
        self.toggled = []
        params = Params()
        for name, value in settings.items():
            params.set(name, value)
        toggle = lambda n: self.toggled.append((self.now, n))  # noqa: E731
        self.slac = Slac(EV, self.send, random.Random(1).randbytes, params, toggle)

    def send(self, frame):
        frame = bytes(frame)
        kind = frame[15] | frame[16] << 8
        if not self.accept(self, kind):
            return False
        self.sent.append((self.now, kind, frame))
        if self.script is not None:
            for delay, answer in self.script(self, kind, frame) or ():
                self.coming.append((self.now + delay, answer))
        return True

    def start(self):
        self.slac.start(self.now)
        return self

    def run(self, ms=None, until=None):
        """Go on for `ms`, or until the state is one of `until` (at most 5 minutes)."""
        end = self.now + (ms if ms is not None else 300_000)
        while self.now < end:
            due = self.slac.step(self.now)
            if until and self.slac.state in until:
                break
            assert due > self.now, self.slac.doing
            self.now = min(end, due, *(t for t, _ in self.coming))
            for item in [x for x in self.coming if x[0] <= self.now]:
                self.coming.remove(item)
                self.slac.feed(memoryview(item[1]), self.now)
        return self

    def times(self, kind):
        return [t for t, k, _ in self.sent if k == kind]

    def frames(self, kind):
        return [f for _, k, f in self.sent if k == kind]

    @property
    def run_id(self):
        return self.frames(PARM)[-1][21:29]


def station(dB=10, mac=EVSE, **other):
    """A station that answers everything as it should, but for `other`: type -> answers."""
    state = {"sounds": 0, "tries": 0}

    def script(rig, kind, frame):
        if kind in other:
            return other[kind](rig, frame)
        if kind == PARM:
            return [(10, parm_cnf(rig.run_id, mac))]
        if kind == SOUND and frame[38] == 0:
            return [(30, atten(rig.run_id, dB, mac))]
        if kind == MATCH and frame[:6] == mac:
            return [(20, match_cnf(rig.run_id, mac))]
        if kind == VALIDATE and frame[:6] == mac:
            return (
                [(2100, validate_cnf(2, 2, mac))] if frame[20] else [(9, validate_cnf(0, 1, mac))]
            )
        if kind == KEY:
            return [(15, key_cnf())]
        if kind == STATUS:
            state["tries"] += 1
            return [(2, status(state["tries"] > 2))]
        return None

    return script


def several(*scripts):
    return lambda rig, kind, frame: sum((s(rig, kind, frame) or [] for s in scripts), [])


# ---- the good case -----------------------------------------------------------------------------


def test_whole_sequence_and_its_times():
    rig = Rig(station()).start().run(until=("ready", "failed"))
    slac = rig.slac
    assert slac.state == "ready" and slac.link and slac.evse == EVSE and slac.failure is None
    kinds = [k for _, k, _ in rig.sent]
    assert kinds[:17] == [PARM] + [START] * 3 + [SOUND] * 10 + [RSP, MATCH, KEY]
    (asked,) = rig.times(PARM)
    batch = rig.times(START) + rig.times(SOUND)
    assert 10 <= batch[0] - asked - 10 <= 100  # TP_match_sequence after the first CNF
    assert all(20 <= b - a <= 50 for a, b in zip(batch, batch[1:], strict=False))
    (told,) = rig.times(RSP)
    (match,) = rig.times(MATCH)
    (key,) = rig.times(KEY)
    assert told == batch[-1] + 30 and match - told <= 100 and key == match + 20
    assert key - asked <= 800
    polls = rig.times(STATUS) + rig.times(INFO)
    assert min(polls) - key >= 1000 and rig.now - max(polls) >= 200
    assert rig.now - key < 2500


def test_contents():
    rig = Rig(station()).start().run(until=("ready",))
    run = rig.run_id
    assert len(run) == 8 and rig.frames(PARM)[0][:12] == ALL + EV
    for frame in rig.frames(START):
        assert frame[21:24] == b"\x0a\x06\x01" and frame[24:30] == EV and frame[30:38] == run
    sounds = rig.frames(SOUND)
    assert [f[38] for f in sounds] == list(range(9, -1, -1))
    assert len({f[55:71] for f in sounds}) == 10 and {f[39:47] for f in sounds} == {run}
    assert rig.frames(RSP)[0][:6] == EVSE and rig.frames(RSP)[0][27:35] == run
    match = rig.frames(MATCH)[0]
    assert match[:6] == EVSE == match[63:69] and match[21:23] == b"\x3e\0"
    key = rig.frames(KEY)[0]
    assert key[:6] == LOCAL and key[33:40] == NID and key[41:57] == NMK


def test_steps_are_the_table_of_the_standard():
    assert matching.STEPS == (
        ("CM_SLAC_PARM", 200, 3),
        ("CM_ATTEN_CHAR", 1200, 1),
        ("CM_VALIDATE", 200, 3),
        ("CM_SLAC_MATCH", 200, 3),
        ("CM_SET_KEY", 200, 3),
        ("link", 12000, 1),
    )


def test_sounds_and_timeout_are_those_of_the_station():
    for given, sent in (((12, 7), (12, 7)), ((0, 0), (10, 6)), ((255, 255), (10, 6))):
        answer = {PARM: lambda r, f, g=given: [(5, parm_cnf(r.run_id, sounds=g[0], timeout=g[1]))]}
        rig = Rig(_with(station(), answer)).start().run(900)
        frame = rig.frames(START)[0]
        assert (frame[21], frame[22]) == sent
        assert len(rig.frames(SOUND)) == sent[0]


def _with(script, other):
    def both(rig, kind, frame):
        return other[kind](rig, frame) if kind in other else script(rig, kind, frame)

    return both


# ---- repeats -----------------------------------------------------------------------------------


def test_nobody_answers():
    rig = Rig().start().run(until=("failed",))
    times = rig.times(PARM)
    assert times[:3] == [0, 200, 400] and times[3] == 1000  # 400 ms between runs
    assert 59_000 <= rig.now <= 61_000
    ids = [f[21:29] for f in rig.frames(PARM)]
    assert ids[0] == ids[1] == ids[2] != ids[3] and len(set(ids)) == len(ids) // 3
    assert rig.slac.failure == "CM_SLAC_PARM: no answer (180 requests in 60 runs)"
    before = len(rig.sent)
    rig.run(5000)
    assert len(rig.sent) == before


def test_late_station_is_found():
    script = station()
    rig = Rig(lambda r, k, f: script(r, k, f) if r.now > 30_000 else None).start()
    rig.run(until=("ready", "failed"))
    assert rig.slac.state == "ready" and 30_000 < rig.now < 34_000


def test_answer_within_the_wait_of_any_request():
    script = station()
    for lost in (1, 2):
        count = []
        other = {
            PARM: lambda r, f, c=count, n=lost: (
                c.append(1) or ([(190, parm_cnf(r.run_id))] if len(c) > n else None)
            )
        }
        rig = Rig(_with(script, other)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready" and rig.times(PARM) == [200 * i for i in range(lost + 1)]


def test_match_is_repeated_with_the_same_content():
    seen = []
    other = {MATCH: lambda r, f: seen.append(f) or (len(seen) == 3 and [(5, match_cnf(r.run_id))])}
    rig = Rig(_with(station(), other)).start().run(until=("ready", "failed"))
    assert rig.slac.state == "ready" and len(seen) == 3 and len(set(seen)) == 1
    times = rig.times(MATCH)
    assert times[1] - times[0] == times[2] - times[1] == 200


def test_no_match_answer_starts_over_and_says_so():
    rig = Rig(_with(station(), {MATCH: lambda r, f: None}), slac_retry_s=10).start()
    rig.run(until=("failed",))
    assert len(rig.times(MATCH)) % 3 == 0 and len(rig.times(MATCH)) >= 15
    assert rig.slac.failure.startswith("CM_SLAC_MATCH: no answer from 02:00:00:5e:5e:02 (")
    assert len({f[21:29] for f in rig.frames(PARM)}) == len(rig.times(MATCH)) // 3


def test_furthest_step_is_the_one_reported():
    """A station that once matched stays silent until re-plug: the first failure is the news."""
    count = []
    script = _with(station(), {MATCH: lambda r, f: None})

    def once(rig, kind, frame):
        count.append(kind)
        return script(rig, kind, frame) if count.count(PARM) <= 1 else None

    rig = Rig(once, slac_retry_s=10).start().run(until=("failed",))
    assert rig.slac.failure.startswith("CM_SLAC_MATCH: no answer from")


def test_no_attenuation():
    rig = Rig(_with(station(), {SOUND: lambda r, f: None}), slac_retry_s=10).start()
    rig.run(until=("failed",))
    first, again = rig.times(START)[0], rig.times(PARM)[1]
    assert again == first + 1200 + 400
    text = "CM_ATTEN_CHAR: no usable attenuation from 02:00:00:5e:5e:02"
    assert rig.slac.failure.startswith(text)


def test_every_result_is_answered_also_repeated_ones():
    def sound(rig, frame):
        if frame[38] == 0:
            return [(t, atten(rig.run_id)) for t in (10, 20, 210, 600)]

    other = {SOUND: sound, MATCH: lambda r, f: None}
    rig = Rig(_with(station(), other)).start().run(1100)
    assert len(rig.times(RSP)) == 4


def test_key_is_repeated_when_the_modem_refuses_or_is_silent():
    for results, count in (((0, 0, 1), 3), ((None, 1), 2), ((0, 0, 0), 3), ((None,) * 3, 3)):
        left = list(results)

        def answer(rig, frame, left=left):
            result = left.pop(0) if left else None
            return None if result is None else [(15, key_cnf(result))]

        rig = Rig(_with(station(), {KEY: answer})).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready"  # the link decides
        times = rig.times(KEY)
        assert len(times) == count and all(100 <= b - a <= 500 for a, b in zip(times, times[1:]))


# ---- several stations --------------------------------------------------------------------------


@pytest.mark.parametrize("near, far", [(10, 11), (3, 39), (40, 45)])
def test_the_nearest_of_several(near, far):
    for macs in ((EVSE, EVSE2), (EVSE2, EVSE)):
        rig = Rig(several(station(near, macs[0]), station(far, macs[1]))).start()
        rig.run(until=("ready", "failed"))
        assert rig.slac.evse == macs[0] and rig.frames(MATCH)[0][:6] == macs[0]
        assert len(rig.times(RSP)) == 2


def test_late_answer_of_the_second_cable_is_collected():
    for late in (50, 150, 300):
        second = _with(
            station(5, EVSE2), {PARM: lambda r, f, t=late: [(t, parm_cnf(r.run_id, EVSE2))]}
        )
        rig = Rig(several(station(20), second)).start().run(until=("ready", "failed"))
        assert rig.slac.evse == EVSE2


def test_waits_for_all_that_answered_but_not_longer_than_allowed():
    slow = _with(
        station(5, EVSE2), {SOUND: lambda r, f: f[38] == 0 and [(300, atten(r.run_id, 5, EVSE2))]}
    )
    rig = Rig(several(station(20), slow)).start().run(until=("ready",))
    assert rig.slac.evse == EVSE2
    silent = _with(station(5, EVSE2), {SOUND: lambda r, f: None})
    rig = Rig(several(station(20), silent)).start().run(until=("ready",))
    assert rig.slac.evse == EVSE
    told, match = rig.times(RSP)[0], rig.times(MATCH)[0]
    assert 400 <= match - told <= 500  # TP_EV_match_session
    assert match - rig.times(START)[0] <= 1200


def test_first_result_of_a_station_counts():
    both = {
        SOUND: lambda r, f: (
            f[38] == 0 and [(10, atten(r.run_id, 30, EVSE2)), (15, atten(r.run_id, 1, EVSE2))]
        )
    }
    rig = Rig(several(station(20), _with(station(30, EVSE2), both))).start().run(until=("ready",))
    assert rig.slac.evse == EVSE and len(rig.times(RSP)) == 3


def test_ties_keep_the_first():
    rig = Rig(several(station(20), station(20, EVSE2))).start().run(until=("ready",))
    assert rig.slac.evse == EVSE


@pytest.mark.parametrize(
    "kw", [dict(dB=[0] * 58), dict(sounds=0), dict(groups=0, dB=[]), dict(dB=[9] * 20, groups=58)]
)
def test_unusable_results(kw):
    bad = {SOUND: lambda r, f: f[38] == 0 and [(10, atten(r.run_id, **kw))]}
    rig = Rig(several(_with(station(), bad), station(30, EVSE2))).start()
    rig.run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE2


def test_odd_but_legal_results():
    for kw in (dict(sounds=2), dict(dB=1), dict(dB=[9, 0] * 29), dict(dB=12, groups=50)):
        odd = {SOUND: lambda r, f, kw=kw: f[38] == 0 and [(10, atten(r.run_id, **kw))]}
        rig = Rig(_with(station(), odd)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready", kw
    long = {SOUND: lambda r, f: f[38] == 0 and [(10, atten(r.run_id) + bytes(197))]}  # 326 bytes
    assert Rig(_with(station(), long)).start().run(until=("ready", "failed")).slac.link


def test_too_far_away():
    rig = Rig(station(61), slac_retry_s=10).start().run(until=("failed",))
    assert rig.slac.failure.startswith("CM_ATTEN_CHAR: 02:00:00:5e:5e:02 has 61.0 dB, limit 60")
    assert not rig.times(MATCH)


def test_thresholds_are_settings():
    rig = Rig(station(61), slac_indirect_dB=70).start().run(until=("ready", "failed"))
    assert rig.slac.state == "ready"
    rig = Rig(several(station(15), station(18, EVSE2)), slac_direct_dB=10).start()
    rig.run(until=("ready", "failed"))
    assert rig.toggled and rig.slac.evse == EVSE


# ---- validation --------------------------------------------------------------------------------


def test_single_station_between_the_limits_needs_no_validation():
    rig = Rig(station(50)).start().run(until=("ready", "failed"))
    assert rig.slac.state == "ready" and not rig.times(VALIDATE)


def test_validation_by_toggles():
    rig = Rig(several(station(50), station(45, EVSE2))).start().run(until=("ready", "failed"))
    first, second = rig.frames(VALIDATE)
    assert first[:6] == EVSE2 and first[19:22] == b"\0\0\1" and second[19:22] == b"\0\x13\1"
    (when, n), window = rig.toggled[0], (second[20] + 1) * 100
    assert len(rig.toggled) == 1 and when == rig.times(VALIDATE)[1] and 1 <= n <= 3
    assert n * 2 * 400 <= window <= 3500
    assert rig.slac.evse == EVSE2
    assert rig.times(MATCH)[0] - rig.times(VALIDATE)[1] - 2100 <= 400


@pytest.mark.parametrize("answer, toggles", [((1, 2), 1), ((2, 3), 1), ((0, 2), 1), (None, 1)])
def test_failed_validation_goes_to_the_next(answer, toggles):
    def bad(rig, frame):
        if frame[:6] != EVSE2:
            return None
        if not frame[20]:
            return [(5, validate_cnf(0, 1, EVSE2))]
        return answer and [(2050, validate_cnf(*answer, EVSE2))]

    second = _with(station(45, EVSE2), {VALIDATE: bad})
    rig = Rig(several(station(50), second)).start().run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE and len(rig.toggled) == 2


def test_results_of_the_first_validation_step():
    for result, toggles in ((3, 1), (4, 0), (None, 1)):

        def answer(rig, frame, result=result):
            if frame[:6] == EVSE2:
                return result and [(5, validate_cnf(0, result, EVSE2))]

        second = _with(station(45, EVSE2), {VALIDATE: answer})
        rig = Rig(several(station(50), second)).start().run(until=("ready", "failed"))
        assert len(rig.toggled) == toggles
        assert rig.slac.evse == (EVSE2 if result == 4 else EVSE)


def test_not_ready_is_asked_again():
    results = [0, 0, 1]

    def answer(rig, frame):
        if frame[:6] != EVSE2:
            return None
        if frame[20]:
            return [(2000, validate_cnf(2, 2, EVSE2))]
        return [(5, validate_cnf(0, results.pop(0), EVSE2))]

    second = _with(station(45, EVSE2), {VALIDATE: answer})
    rig = Rig(several(station(50), second)).start().run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE2 and not results


def test_all_validations_fail():
    answer = {VALIDATE: lambda r, f: [(5, validate_cnf(0, 3, f[:6]))] if f[:6] == EVSE else None}
    two = _with(several(station(50), station(45, EVSE2)), answer)
    rig = Rig(two, slac_retry_s=10).start().run(until=("failed",))
    assert rig.slac.failure.startswith("CM_VALIDATE: 02:00:00:5e:5e:02: 3")
    assert not rig.times(MATCH)


# ---- link --------------------------------------------------------------------------------------


def test_link_by_network_information():
    other = {STATUS: lambda r, f: None, INFO: lambda r, f: [(2, info())]}
    rig = Rig(_with(station(), other)).start().run(until=("ready", "failed"))
    assert rig.slac.link and rig.now - rig.times(KEY)[0] < 2000


def test_link_never_told_is_not_fatal():
    for other in (
        {STATUS: lambda r, f: None, INFO: lambda r, f: None},
        {STATUS: lambda r, f: [(2, status(0))], INFO: lambda r, f: [(2, info(nid=bytes(7)))]},
    ):
        rig = Rig(_with(station(), other)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready" and not rig.slac.link
        assert 5000 <= rig.now - rig.times(KEY)[0] <= 5500
        assert rig.slac.failure is None
        rig.run(20_000)
        assert rig.slac.state == "ready" and rig.slac.seen == "link: not seen in 12 s"
        last = max(rig.times(STATUS) + rig.times(INFO))
        assert last - rig.times(KEY)[0] <= 12_000


def test_late_link_is_still_noticed():
    other = {STATUS: lambda r, f: [(2, status(r.now > 8000))], INFO: lambda r, f: None}
    rig = Rig(_with(station(), other)).start().run(until=("ready", "failed"))
    assert not rig.slac.link
    rig.run(5000)
    assert rig.slac.link and rig.slac.state == "ready"


def test_coordinator_role_is_named():
    other = {STATUS: lambda r, f: None, INFO: lambda r, f: [(2, info(role=2))]}
    rig = Rig(_with(station(), other)).start().run(until=("ready", "failed"))
    assert "coordinator" in rig.slac.seen and not rig.slac.link


# ---- leaving -----------------------------------------------------------------------------------


def test_leave_puts_a_fresh_key_into_the_modem():
    rig = Rig(station()).start().run(until=("ready",))
    count = len(rig.times(KEY))
    rig.slac.ignore = True
    rig.slac.leave(rig.now)
    assert rig.slac.state == "leaving"
    rig.run(1000)
    assert rig.slac.state == "idle"
    (new,) = rig.frames(KEY)[count:]
    assert new[41:57] not in (NMK, bytes(16)) and new[33:40] != NID and not rig.slac.keyed
    rig.slac.leave(rig.now)
    rig.run(1000)
    assert len(rig.times(KEY)) == count + 1  # its flash wears


def test_leave_without_key_says_nothing():
    rig = Rig(station()).start().run(200)
    before = len(rig.sent)
    rig.slac.leave(rig.now)
    rig.run(3000)
    assert len(rig.sent) == before and rig.slac.state == "idle"


def test_leave_is_done_within_a_second_even_with_a_deaf_modem():
    rig = Rig(_with(station(), {})).start().run(until=("ready",))
    rig.script = None
    begin, count = rig.now, len(rig.times(KEY))
    rig.slac.leave(rig.now)
    rig.run(5000)
    times = rig.times(KEY)[count:]
    assert len(times) == 3 and times[-1] - begin <= 1000
    assert rig.slac.keyed  # so the next leave tries again
    assert rig.slac.state == "idle"


def test_new_object_leaves_as_well():
    """The one that matched may be unloaded by then."""
    rig = Rig(station())
    rig.slac.leave(0)
    rig.run(1000)
    assert len(rig.times(KEY)) == 1 and rig.slac.state == "idle" and rig.slac.keyed is False


def test_same_key_again_is_not_written():
    rig = Rig(station()).start().run(until=("ready",))
    rig.slac.start(rig.now)
    rig.run(until=("failed",), ms=100)
    rig.run(until=("ready",))
    assert len(rig.times(KEY)) == 1 and rig.slac.state == "ready"


def test_start_again_forgets():
    rig = Rig(station()).start().run(until=("ready",))
    rig.slac.ignore = True
    rig.script = None
    rig.slac.start(rig.now)
    assert rig.slac.state == "matching" and not rig.slac.link and not rig.slac.ignore
    assert rig.slac.evse is None and rig.slac.evses == []


# ---- what others send --------------------------------------------------------------------------

FOREIGN = {
    "not_for_us": lambda run: [
        parm_cnf(run, EVSE2, dst=ALL),
        parm_cnf(run, EVSE2, dst=EVSE),
        atten(run, 1, EVSE2, dst=ALL),
        match_cnf(run, dst=ALL),
    ],
    "foreign_run": lambda run: [
        parm_cnf(bytes(8), EVSE2),
        parm_cnf(run, EVSE2, ev=EVSE),
        atten(bytes(8), 1, EVSE2),
        atten(run, 1, EVSE2, ev=ALL),
        match_cnf(bytes(8)),
        match_cnf(run, ev=EVSE),
    ],
    "security_type": lambda run: [
        parm_cnf(run, EVSE2, types=b"\1\0"),
        atten(run, 1, EVSE2, types=b"\0\1"),
        match_cnf(run, types=b"\1\1"),
    ],
    "foreign_evse": lambda run: [
        match_cnf(run, EVSE2),
        match_cnf(run, EVSE, evse=EVSE2),
        parm_cnf(run, b"\x03" + EVSE2[1:]),
    ],
    "short": lambda run: [
        atten(run)[:71],
        match_cnf(run)[:108],
        parm_cnf(run, EVSE2)[:43],
        atten(run, groups=255, dB=[3] * 58),
    ],
}


@pytest.mark.parametrize("reason", FOREIGN)
def test_frames_of_others_change_nothing(reason):
    clean = Rig(station()).start().run(until=("ready",))
    script = station()
    n = len(FOREIGN[reason](bytes(8)))
    count = [0]

    def noisy(rig, kind, frame):
        answers = script(rig, kind, frame) or []
        extra = FOREIGN[reason](rig.run_id)
        count[0] += n
        return [(1, f) for f in extra] + answers

    rig = Rig(noisy).start().run(until=("ready", "failed"))
    assert [(t, k) for t, k, _ in rig.sent] == [(t, k) for t, k, _ in clean.sent]
    assert rig.slac.evse == EVSE and rig.slac.nid == NID
    assert rig.slac.counters[reason] > 5
    assert set(rig.slac.counters) <= {reason, "unexpected"}


def test_session_running_nothing_is_looked_at():
    rig = Rig(station()).start().run(until=("ready",))
    rig.slac.ignore = True
    before = dict(rig.slac.counters), len(rig.sent)
    for frames in FOREIGN.values():
        for frame in frames(rig.run_id):
            rig.slac.feed(frame, rig.now)
    rig.slac.feed(mme(0x601C, b"\x95\x03" + bytes(917)), rig.now)
    rig.run(60_000)
    assert before == (rig.slac.counters, len(rig.sent)) and rig.slac.state == "ready"


def test_amplitude_map_is_confirmed():
    rig = Rig(station()).start().run(until=("ready",))
    ask = mme(0x601C, b"\x95\x03" + bytes(917))
    rig.slac.feed(ask, rig.now)
    (frame,) = rig.frames(AMP)
    assert frame[:12] == EVSE + EV and frame[19] == 0
    rig.slac.feed(mme(0x601C, bytes(917)), rig.now)  # no entries: no answer
    rig.slac.feed(mme(0x601C, b"\x95\x03" + bytes(917), EVSE2), rig.now)
    assert len(rig.frames(AMP)) == 1
    early = Rig().start()
    early.slac.feed(ask, early.now)
    assert not early.frames(AMP)


def test_flood_of_answers_keeps_the_list_short_and_the_times():
    def flood(rig, frame):
        macs = [b"\x02\xee" + i.to_bytes(4, "big") for i in range(200)]
        return [(5, parm_cnf(rig.run_id, m)) for m in macs] + [(10, parm_cnf(rig.run_id))]

    rig = Rig(_with(station(), {PARM: flood})).start()
    rig.run(until=("ready", "failed"))
    assert len(rig.slac.evses) <= 8 and rig.slac.evse == EVSE and len(rig.frames(PARM)) == 1
    assert rig.times(KEY)[0] <= 1300 and rig.slac.counters["too_many"] > 100


def test_any_bytes_at_any_time():
    for seed in range(60):
        rng = random.Random(seed)
        script = station(rng.choice((10, 50)))
        rows = [0x6065, 0x606E, 0x6079, 0x607D, 0x601C, 0x6009, 0xA0B9, 0xA039, 0x6064]

        def noisy(rig, kind, frame, rng=rng, script=script, rows=rows):
            answers = list(script(rig, kind, frame) or ())
            for _ in range(rng.randrange(4)):
                body = bytearray(rng.randbytes(rng.randrange(150)))
                junk = bytearray(mme(rng.choice(rows), body, mmv=rng.randrange(3)))
                good = rng.choice((parm_cnf, atten, match_cnf))(rig.run_id)
                junk = bytearray(rng.choice((junk, good)))
                for _ in range(rng.randrange(3)):
                    junk[rng.randrange(len(junk))] = rng.randrange(256)
                answers.append((rng.randrange(300), bytes(junk[: rng.randrange(len(junk) + 1)])))
            return answers

        rig = Rig(noisy, slac_retry_s=10).start()
        rig.run(30_000)
        assert rig.slac.state in ("ready", "failed"), seed
        assert len(rig.slac.evses) <= 8, seed


# ---- a modem that does not take frames ------------------------------------------------------


def test_full_modem_is_tried_again():
    busy = {"n": 0}

    def accept(rig, kind):
        busy["n"] += 1
        return busy["n"] % 3 == 0

    rig = Rig(station(), accept).start().run(until=("ready", "failed"))
    assert rig.slac.state == "ready"
    assert len(rig.frames(SOUND)) == 10


def test_modem_that_takes_nothing_fails_in_time():
    rig = Rig(accept=lambda rig, kind: False).start().run(until=("failed",))
    assert 59_000 <= rig.now <= 64_000 and rig.sent == []
    assert "own modem takes no frames" in rig.slac.failure


def test_captured_station_frames(field_data):
    """Attenuation reports of real stations give the stated mean; a broadcast one is dropped."""
    rows = [json.loads(line) for line in open(Path(field_data) / "plc" / "mme.jsonl")]
    count = 0
    for row in rows:
        frame = bytes.fromhex(row["hex"])
        if row["decoded"]["mmtype"] != "0x606e":
            continue
        slac = Rig().start().slac
        if "expect" not in row["decoded"]:
            slac.mac = bytes.fromhex(row["decoded"]["source_address"].replace(":", ""))
        slac.run_id = bytes.fromhex(row["decoded"]["run_id"])
        slac.feed(frame, 0)
        if "expect" in row["decoded"]:
            assert slac.evses == [] and slac.counters == {"not_for_us": 1}
        else:
            ((_, dB),) = slac.evses
            assert round(dB, 3) == row["decoded"]["mean_db"]
        count += 1
    assert count >= 3
