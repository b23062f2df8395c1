# SPDX-License-Identifier: MIT
"""The client against a server on `cryptography`: profiles, retries, records, OCSP, keys."""

from datetime import timedelta

import pytest

pytest.importorskip("cryptography")

from evcc import crypto
from evcc.pki.clock import Clock
from evcc.tls import profile

from host_tests.pki.test_path import NOW, SECONDS
from host_tests.tls.link import Pair, pki
from host_tests.tls.server import Server
from tools.pki.maker import responses, status


@pytest.fixture(params=["host", "pure"], autouse=True)
def backend(request):
    crypto.use(request.param)
    yield request.param
    crypto._b.clear()


def connect(kind="P-521", subs=2, server=None, profile="strict", **more):
    maker, root, leaf, identity = pki(kind, subs)
    s = Server(leaf, **(server or {}))
    p = Pair(s, root, more.pop("identity", identity), tls_profile=profile, **more)
    p.run()
    return p


def exchange(p):
    """Data both ways."""
    assert p.tls.state == "ready" and p.server.state == "ready", p.tls.error
    assert p.tls.write(b"to the station") and p.tls.write(b"!" * 300)
    p.run()
    assert p.server.got == b"to the station" + b"!" * 300
    p.to_client(p.server.data(b"to the car" * 40))
    assert p.data == b"to the car" * 40
    p.tls.close()
    p.run()
    assert p.tls.state == "closed" and p.server.alerts == [0]


@pytest.mark.parametrize("suite", [0x1302, 0x1303])
@pytest.mark.parametrize("group", [0x19, 0x1E])
@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
def test_strict_profile(kind, group, suite):
    p = connect(kind, server={"suite": suite, "group": group})
    assert p.tls.agreed["retry"] == (group == 0x1E)
    assert p.tls.agreed["client_certificate"] and len(p.server.client_chain) == 3
    exchange(p)


@pytest.mark.parametrize("subs", [0, 1, 3])
@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
def test_bench_profile(suite, subs):
    p = connect("P-256", subs, {"suite": suite}, "bench")
    assert "BENCH PROFILE" in p.tls.summary()
    exchange(p)


def test_strict_refuses_what_bench_takes():
    maker, root, leaf, identity = pki("P-256")
    p = Pair(Server(leaf), root, identity)
    p.run()
    assert p.tls.state == "failed" and p.tls.alert == "unsupported_certificate"
    _, root, leaf, identity = pki("P-521")
    p = Pair(Server(leaf, group=0x17), root, identity)
    p.run()
    assert p.tls.alert == "illegal_parameter"


def test_hello_is_the_profile():
    """ISO 15118-20's list of suites, groups, schemes and extensions, in order."""
    p = connect(tls_max_fragment=2048)
    x = p.server.extensions
    assert sorted(x) == [1, 5, 10, 13, 43, 47, 50, 51]
    assert x[43] == b"\x02\x03\x04" and x[10] == b"\0\4\0\x19\0\x1e"
    assert x[13] == x[50] == b"\0\4\x06\x03\x08\x08"
    assert x[5] == b"\1\0\0\0\0" and x[1] == b"\3"
    assert pki()[1].cert.subject.public_bytes() in x[47]
    hello = p.server.hellos[0]
    assert hello[38:45] == b"\0\0\4\x13\x02\x13\x03"


@pytest.mark.parametrize("cookie", [None, b"c" * 500])
def test_retry(cookie):
    p = connect(server={"group": 0x1E, "cookie": cookie, "retry": True})
    assert len(p.server.hellos) == 2 and p.tls.agreed["group"] == "X448"
    assert p.server.extensions.get(44, b"")[2:] == (cookie or b"")
    exchange(p)


def test_retry_for_a_cookie_only():
    p = connect(server={"cookie": b"x", "retry": True})
    assert len(p.server.hellos) == 2 and p.tls.agreed["group"] == "P-521"
    exchange(p)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_any_cut_of_the_stream(chunk):
    p = connect(chunk=chunk, server={"chunk": 77, "padding": 13})
    exchange(p)


def test_largest_records():
    p = connect()
    p.to_client(p.server.data(b"x" * 16384))
    assert p.data == b"x" * 16384
    assert p.tls.write(b"y" * 40000)
    p.run()
    assert p.server.got == b"y" * 40000


def test_max_fragment_length():
    def tweak(what, data):
        if what == "encrypted_extensions":
            return bytes.fromhex("08000007000500010001") + b"\3"
        return data

    p = connect(tls_max_fragment=2048, server={"tweak": tweak, "chunk": 2048})
    assert p.tls.agreed["max_fragment_length"] == 2048
    exchange(p)


def test_no_client_certificate_wanted():
    p = connect(server={"request": False}, profile="bench")
    assert "client_certificate" not in p.tls.agreed
    exchange(p)
    p = connect(server={"request": False})
    assert p.tls.alert == "handshake_failure" and "asks for no certificate" in p.tls.error


def test_client_certificate_of_another_kind():
    """Then an empty list goes out, and the station says what it thinks of it."""
    p = connect("P-521", identity=pki("Ed448")[3], server={"schemes": (0x0603,)})
    assert p.tls.state == "failed" and p.tls.error == "station says certificate_required"


def test_tickets_and_key_updates():
    p = connect()
    p.to_client(p.server.ticket() + p.server.ticket() + p.server.key_update(1))
    p.run()
    p.to_client(p.server.key_update(0) + p.server.data(b"new keys"))
    assert p.data == b"new keys"
    assert p.tls.counters["tickets"] == 2 and p.tls.counters["key_updates"] == 2
    p.data = b""
    exchange(p)


def test_renews_its_keys():
    p = connect()
    p.tls.records.write.number = p.server.read.n = (1 << 23) + 1
    assert p.tls.write(b"a") and p.tls.records.write.number == 1
    p.run()
    assert p.server.got == b"a"


def test_close_notify_from_the_station():
    p = connect()
    p.to_client(p.server.data(b"last") + p.server.alert(0, 1))
    assert p.data == b"last" and p.tls.state == "closed" and p.tls.error is None
    assert not p.tls.write(b"x")


def test_lost_connection_is_no_good_end():
    p = connect()
    p.tls.lost()
    assert p.tls.state == "failed" and "without close_notify" in p.tls.error


def test_full_socket():
    """What `send` does not take waits; nothing is lost, reordered, or sealed twice."""
    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.open = False
    p.tls.start(0)
    for _ in range(2000):
        p.tls.step(0)
    assert p.sent == b""
    p.open = True
    p.run()
    assert p.tls.state == "ready"
    p.open = False
    assert p.tls.write(b"a" * 20000) and not p.tls.write(b"b")
    p.open = True
    p.run()
    assert p.server.got == b"a" * 20000


def test_timeout():
    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.server.feed = lambda data: b""
    p.run()
    assert p.tls.step(19999) == 20000
    p.tls.step(20000)
    assert p.tls.state == "failed" and "within 20000 ms" in p.tls.error


def test_refuses_to_start_unseeded():
    from evcc.rng import Rng

    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.tls.urandom = Rng()
    p.run()
    assert p.tls.state == "failed" and "Unseeded: not seeded" in p.tls.error
    assert p.server.hellos == []


def test_key_log_opens_the_recording():
    p = connect()
    lines = dict((x.split()[0], x.split()[2]) for x in p.keylog)
    assert p.keylog[0].split()[1] == p.server.random.hex()
    assert lines["SERVER_TRAFFIC_SECRET_0"] == p.server.write.secret.hex()
    assert lines["CLIENT_TRAFFIC_SECRET_0"] == p.server.read.secret.hex()
    assert len(lines) == 5


def test_second_session_remembers_sub_cas(backend):
    maker, root, leaf, identity = pki()
    counts = []
    memory = None
    for _ in range(2):
        p = Pair(Server(leaf), root, identity)
        p.tls.memory = memory = memory or p.tls.memory
        p.tls.start(0)
        n = 0
        while p.tls.state == "handshake":
            n += 1
            p.tls.step(0)
            if p.sent:
                data, p.sent = p.sent, b""
                p.to_client(p.server.feed(data))
        assert p.tls.state == "ready"
        counts.append(n)
    if backend == "pure":
        assert counts[0] - counts[1] > 200


@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
def test_ocsp_strict(kind):
    leaf = pki(kind)[2]
    p = connect(kind, server={"responses": responses(leaf, this=NOW)}, ocsp_policy="strict")
    assert p.tls.agreed["ocsp"] == "3 of 3 good" and not p.tls.agreed["warnings"]
    exchange(p)


OCSP = [
    ("none", lambda r, leaf: [], "bad_certificate_status_response", "no OCSP"),
    ("leaf only", lambda r, leaf: r[:1], "bad_certificate_status_response", "no OCSP"),
    ("leaf missing", lambda r, leaf: [None, *r[1:]], "bad_certificate_status_response", "no OCSP"),
    ("swapped", lambda r, leaf: [r[1], r[0], r[2]], "bad_certificate_status_response", "neither"),
    ("forged", lambda r, leaf: [r[0][:-3] + b"abc", *r[1:]], "bad_certificate_status_response",
     "signature"),
    ("old", lambda r, leaf: responses(leaf, this=NOW - timedelta(days=8)),
     "bad_certificate_status_response", "expired"),
    ("revoked sub CA", lambda r, leaf: [r[0], status(leaf.issuer, leaf.issuer.issuer,
     state="revoked", this=NOW), r[2]], "certificate_revoked", "revoked"),
]  # fmt: skip


@pytest.mark.parametrize("what,make,alert,word", OCSP, ids=[x[0] for x in OCSP])
def test_ocsp_bad(what, make, alert, word):
    leaf = pki()[2]
    stapled = make(responses(leaf, this=NOW), leaf)
    p = connect(server={"responses": stapled}, ocsp_policy="strict")
    assert p.tls.state == "failed" and p.tls.alert == alert and word in p.tls.error
    p = connect(server={"responses": stapled}, ocsp_policy="lenient")
    if alert == "certificate_revoked":
        assert p.tls.alert == alert
    else:
        assert p.tls.state == "ready" and "WARNING" in p.tls.summary()


def test_time_source_is_named():
    p = connect(clock=Clock(None, SECONDS))
    assert p.tls.agreed["time"] == "last known"
    p = connect(clock=Clock())
    assert p.tls.agreed["time"] == "none"


def test_nothing_secret_stays_after_the_end():
    p = connect()
    p.tls.close()
    assert p.tls.records.read is None and p.tls.ephemeral is None and p.tls._story is None


def test_key_schedule_is_cut_into_slices(monkeypatch):
    from evcc.crypto import kdf
    from evcc.tls import keys

    calls = [0]
    hmac = kdf.hmac

    def counted(*a):
        calls[0] += 1
        return hmac(*a)

    monkeypatch.setattr(kdf, "hmac", counted)
    monkeypatch.setattr(keys, "hmac", counted)
    crypto.use("host")
    _, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    step, most = p.tls.step, []

    def measured(now):
        calls[0] = 0
        out = step(now)
        most.append(calls[0])
        return out

    p.tls.step = measured
    p.run()
    assert p.tls.state == "ready" and sum(most) > 20 and max(most) <= 4


def test_profile_table_names_known_things():
    for suites, groups, schemes, first, versions in profile.PROFILES.values():
        assert first in groups and set(groups) <= set(profile.GROUPS)
        assert set(schemes) <= set(profile.SCHEMES) and versions == (0x0304,) and len(suites) > 1
