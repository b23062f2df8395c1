# SPDX-License-Identifier: MIT
"""What others send, any bytes, a modem that takes no frame, captured stations."""

import json
import random
from pathlib import Path

import pytest

from host_tests.slac.scripted import (
    ALL,
    AMP,
    EV,
    EVSE,
    EVSE2,
    KEY,
    NID,
    PARM,
    SOUND,
    Rig,
    atten,
    match_cnf,
    mme,
    parm_cnf,
    station,
    with_,
)

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

    rig = Rig(with_(station(), {PARM: flood})).start()
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
