# SPDX-License-Identifier: MIT
"""After the match: the link, and leaving the network again."""

from host_tests.slac.scripted import INFO, KEY, NID, NMK, STATUS, Rig, info, station, status, with_


def test_link_by_network_information():
    other = {STATUS: lambda r, f: None, INFO: lambda r, f: [(2, info())]}
    rig = Rig(with_(station(), other)).start().run(until=("ready", "failed"))
    assert rig.slac.link and rig.now - rig.times(KEY)[0] < 2000


def test_link_never_told_is_not_fatal():
    for other in (
        {STATUS: lambda r, f: None, INFO: lambda r, f: None},
        {STATUS: lambda r, f: [(2, status(0))], INFO: lambda r, f: [(2, info(nid=bytes(7)))]},
    ):
        rig = Rig(with_(station(), other)).start().run(until=("ready", "failed"))
        assert rig.slac.state == "ready" and not rig.slac.link
        assert 5000 <= rig.now - rig.times(KEY)[0] <= 5500
        assert rig.slac.failure is None
        rig.run(20_000)
        assert rig.slac.state == "ready" and rig.slac.seen == "link: not seen in 12 s"
        last = max(rig.times(STATUS) + rig.times(INFO))
        assert last - rig.times(KEY)[0] <= 12_000


def test_late_link_is_still_noticed():
    other = {STATUS: lambda r, f: [(2, status(r.now > 8000))], INFO: lambda r, f: None}
    rig = Rig(with_(station(), other)).start().run(until=("ready", "failed"))
    assert not rig.slac.link
    rig.run(5000)
    assert rig.slac.link and rig.slac.state == "ready"


def test_coordinator_role_is_named():
    other = {STATUS: lambda r, f: None, INFO: lambda r, f: [(2, info(role=2))]}
    rig = Rig(with_(station(), other)).start().run(until=("ready", "failed"))
    assert "coordinator" in rig.slac.seen and not rig.slac.link


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
    rig = Rig(with_(station(), {})).start().run(until=("ready",))
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
