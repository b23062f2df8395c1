# SPDX-License-Identifier: MIT
"""Which of several stations: attenuation, thresholds, validation by toggles."""

import pytest

from host_tests.slac.scripted import (
    EVSE,
    EVSE2,
    MATCH,
    PARM,
    RSP,
    SOUND,
    START,
    VALIDATE,
    Rig,
    atten,
    parm_cnf,
    several,
    station,
    validate_cnf,
    with_,
)


@pytest.mark.parametrize("near, far", [(10, 11), (3, 39), (40, 45)])
def test_the_nearest_of_several(near, far):
    for macs in ((EVSE, EVSE2), (EVSE2, EVSE)):
        rig = Rig(several(station(near, macs[0]), station(far, macs[1]))).start()
        rig.run(until=("ready", "failed"))
        assert rig.slac.evse == macs[0] and rig.frames(MATCH)[0][:6] == macs[0]
        assert len(rig.times(RSP)) == 2


def test_late_answer_of_the_second_cable_is_collected():
    for late in (50, 150, 300):
        second = with_(
            station(5, EVSE2), {PARM: lambda r, f, t=late: [(t, parm_cnf(r.run_id, EVSE2))]}
        )
        rig = Rig(several(station(20), second)).start().run(until=("ready", "failed"))
        assert rig.slac.evse == EVSE2


def test_waits_for_all_that_answered_but_not_longer_than_allowed():
    slow = with_(
        station(5, EVSE2), {SOUND: lambda r, f: f[38] == 0 and [(300, atten(r.run_id, 5, EVSE2))]}
    )
    rig = Rig(several(station(20), slow)).start().run(until=("ready",))
    assert rig.slac.evse == EVSE2
    silent = with_(station(5, EVSE2), {SOUND: lambda r, f: None})
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
    rig = Rig(several(station(20), with_(station(30, EVSE2), both))).start().run(until=("ready",))
    assert rig.slac.evse == EVSE and len(rig.times(RSP)) == 3


def test_ties_keep_the_first():
    rig = Rig(several(station(20), station(20, EVSE2))).start().run(until=("ready",))
    assert rig.slac.evse == EVSE


@pytest.mark.parametrize(
    "kw", [dict(dB=[0] * 58), dict(sounds=0), dict(groups=0, dB=[]), dict(dB=[9] * 20, groups=58)]
)
def test_unusable_results(kw):
    bad = {SOUND: lambda r, f: f[38] == 0 and [(10, atten(r.run_id, **kw))]}
    rig = Rig(several(with_(station(), bad), station(30, EVSE2))).start()
    rig.run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE2


def test_odd_but_legal_results():
    for kw in (dict(sounds=2), dict(dB=1), dict(dB=[9, 0] * 29), dict(dB=12, groups=50)):
        odd = {SOUND: lambda r, f, kw=kw: f[38] == 0 and [(10, atten(r.run_id, **kw))]}
        rig = Rig(with_(station(), odd)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready", kw
    long = {SOUND: lambda r, f: f[38] == 0 and [(10, atten(r.run_id) + bytes(197))]}  # 326 bytes
    assert Rig(with_(station(), long)).start().run(until=("ready", "failed")).slac.link


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

    second = with_(station(45, EVSE2), {VALIDATE: bad})
    rig = Rig(several(station(50), second)).start().run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE and len(rig.toggled) == 2


def test_results_of_the_first_validation_step():
    for result, toggles in ((3, 1), (4, 0), (None, 1)):

        def answer(rig, frame, result=result):
            if frame[:6] == EVSE2:
                return result and [(5, validate_cnf(0, result, EVSE2))]

        second = with_(station(45, EVSE2), {VALIDATE: answer})
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

    second = with_(station(45, EVSE2), {VALIDATE: answer})
    rig = Rig(several(station(50), second)).start().run(until=("ready", "failed"))
    assert rig.slac.evse == EVSE2 and not results


def test_all_validations_fail():
    answer = {VALIDATE: lambda r, f: [(5, validate_cnf(0, 3, f[:6]))] if f[:6] == EVSE else None}
    two = with_(several(station(50), station(45, EVSE2)), answer)
    rig = Rig(two, slac_retry_s=10).start().run(until=("failed",))
    assert rig.slac.failure.startswith("CM_VALIDATE: 02:00:00:5e:5e:02: 3")
    assert not rig.times(MATCH)
