# SPDX-License-Identifier: MIT
"""SLAC of the EV without a modem: every step, its times, counts, repeats and texts."""

from evcc.slac import matching

from host_tests.slac.scripted import (
    ALL,
    EV,
    EVSE,
    INFO,
    KEY,
    LOCAL,
    MATCH,
    NID,
    NMK,
    PARM,
    RSP,
    SOUND,
    START,
    STATUS,
    Rig,
    atten,
    key_cnf,
    match_cnf,
    parm_cnf,
    station,
    with_,
)


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
        rig = Rig(with_(station(), answer)).start().run(900)
        frame = rig.frames(START)[0]
        assert (frame[21], frame[22]) == sent
        assert len(rig.frames(SOUND)) == sent[0]


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
        rig = Rig(with_(script, other)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready" and rig.times(PARM) == [200 * i for i in range(lost + 1)]


def test_match_is_repeated_with_the_same_content():
    seen = []
    other = {MATCH: lambda r, f: seen.append(f) or (len(seen) == 3 and [(5, match_cnf(r.run_id))])}
    rig = Rig(with_(station(), other)).start().run(until=("ready", "failed"))
    assert rig.slac.state == "ready" and len(seen) == 3 and len(set(seen)) == 1
    times = rig.times(MATCH)
    assert times[1] - times[0] == times[2] - times[1] == 200


def test_no_match_answer_starts_over_and_says_so():
    rig = Rig(with_(station(), {MATCH: lambda r, f: None}), slac_retry_s=10).start()
    rig.run(until=("failed",))
    assert len(rig.times(MATCH)) % 3 == 0 and len(rig.times(MATCH)) >= 15
    assert rig.slac.failure.startswith("CM_SLAC_MATCH: no answer from 02:00:00:5e:5e:02 (")
    assert len({f[21:29] for f in rig.frames(PARM)}) == len(rig.times(MATCH)) // 3


def test_furthest_step_is_the_one_reported():
    """A station that once matched stays silent until re-plug: the first failure is the news."""
    count = []
    script = with_(station(), {MATCH: lambda r, f: None})

    def once(rig, kind, frame):
        count.append(kind)
        return script(rig, kind, frame) if count.count(PARM) <= 1 else None

    rig = Rig(once, slac_retry_s=10).start().run(until=("failed",))
    assert rig.slac.failure.startswith("CM_SLAC_MATCH: no answer from")


def test_no_attenuation():
    rig = Rig(with_(station(), {SOUND: lambda r, f: None}), slac_retry_s=10).start()
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
    rig = Rig(with_(station(), other)).start().run(1100)
    assert len(rig.times(RSP)) == 4


def test_key_is_repeated_when_the_modem_refuses_or_is_silent():
    for results, count in (((0, 0, 1), 3), ((None, 1), 2), ((0, 0, 0), 3), ((None,) * 3, 3)):
        left = list(results)

        def answer(rig, frame, left=left):
            result = left.pop(0) if left else None
            return None if result is None else [(15, key_cnf(result))]

        rig = Rig(with_(station(), {KEY: answer})).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready"  # the link decides
        times = rig.times(KEY)
        assert len(times) == count and all(100 <= b - a <= 500 for a, b in zip(times, times[1:]))
