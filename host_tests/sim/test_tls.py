# SPDX-License-Identifier: MIT
"""What goes wrong with TLS in a session: each fault its stop reason, and always safe outputs.

The station's TLS is OpenSSL; keys are on P-256 (bench profile) to be quick.
"""

import shutil
import ssl
from datetime import datetime, timedelta, timezone

import pytest
from evcc import crypto
from evcc.pki.clock import Clock
from evcc.tls.client import TlsClient

from host_tests.sim.rig import Rig
from tools.charger.station import EPOCH_S
from tools.charger.tls import context
from tools.pki import maker

START = datetime.fromtimestamp(EPOCH_S, timezone.utc)
BOTH = (datetime.now(timezone.utc) - START).days + 60  # valid by either clock


class Secure(Rig):
    def __init__(self, station, car, faults=(), **settings):
        settings = {
            "sdp_tls": True, "allow_iso20_without_tls": False, "tls_profile": "bench",
            "ocsp_policy": "lenient", "pki_dir": str(car), **settings,
        }  # fmt: skip
        super().__init__(faults, settings)
        self.station.tls = None if station is None else context(station, "bench")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    made = maker.make(folder, "P-256", days=BOTH, now=START)
    return folder, made


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    maker.make(folder, "P-256", days=BOTH, now=START)
    return folder


def station(pki, tmp_path, **more):
    """A PKI folder whose station has another leaf below the same sub CA."""
    folder, made = pki
    shutil.copytree(folder, tmp_path / "station")
    leaf = maker.Maker("P-256", BOTH, START).secc(made["secc"].issuer, **more)
    (tmp_path / "station" / "secc.pem").write_bytes(maker.pem(leaf))
    (tmp_path / "station" / "secc_key.pem").write_bytes(maker.key_pem(leaf))
    return tmp_path / "station"


def run(rig):
    assert rig.run(), rig.outcome
    assert rig.acted
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == []
    rig.check_safe()
    return rig.outcome["result"], rig.outcome["detail"]


def never_closed(rig):
    return not rig.plant.opened_at and rig.outcome["loops"] == 0


def test_a_whole_session(pki):
    rig = Secure(pki[0], pki[0])
    assert run(rig)[0] == "STATION_TERMINATE"
    assert rig.outcome["loops"] > 5 and rig.controller.tls is None
    tcp = [f[74:] for _, f, _ in rig.record.frames if f[12:14] == b"\x86\xdd" and f[20] == 6]
    assert tcp and not any(data[:3] == b"\x01\xfe\x80" for data in tcp)


@pytest.mark.parametrize(
    "root, words", [("v2g_root", "signature is wrong"), ("oem_root", "unknown_ca")]
)
def test_station_of_another_root(pki, other, tmp_path, root, words):
    """One that only has the name of ours, and one that has not even that."""
    shutil.copytree(pki[0], tmp_path / "car")
    shutil.rmtree(tmp_path / "car" / "v2g_root")
    shutil.copytree(other / root, tmp_path / "car" / "v2g_root")
    rig = Secure(pki[0], tmp_path / "car")
    reason, detail = run(rig)
    assert reason == "TLS_FAILED" and words in detail
    assert never_closed(rig)


@pytest.mark.parametrize(
    "more, words",
    [
        ({"end": START - timedelta(days=1), "start": START - timedelta(days=9)}, "expired"),
        ({"start": START + timedelta(days=9)}, "not yet valid"),
        ({"domain": "OEM"}, "role CPO"),
    ],
)
def test_station_with_a_wrong_certificate(pki, tmp_path, more, words):
    rig = Secure(station(pki, tmp_path, **more), pki[0])
    reason, detail = run(rig)
    assert reason == "TLS_FAILED" and words in detail
    assert never_closed(rig)


def test_station_that_does_not_staple_ends_it_by_default(pki):
    rig = Secure(pki[0], pki[0], ocsp_policy="strict")
    reason, detail = run(rig)
    assert reason == "TLS_FAILED" and "OCSP" in detail
    assert never_closed(rig)


def test_station_without_p521_ends_it_by_default(pki):
    rig = Secure(pki[0], pki[0], tls_profile="strict")
    assert run(rig)[0] == "TLS_FAILED"
    assert never_closed(rig)


def test_station_that_does_not_trust_the_car(pki, other, tmp_path):
    """With TLS 1.3 the car hears of it only after its own Finished."""
    shutil.copytree(other, tmp_path / "car")
    shutil.rmtree(tmp_path / "car" / "v2g_root")
    shutil.copytree(pki[0] / "v2g_root", tmp_path / "car" / "v2g_root")
    rig = Secure(pki[0], tmp_path / "car")
    reason, detail = run(rig)
    assert reason == "LINK_LOST" and detail.startswith("station says")
    assert never_closed(rig)


def test_car_without_certificates(pki, tmp_path):
    rig = Secure(pki[0], tmp_path / "nothing")
    reason, detail = run(rig)
    assert reason == "TLS_FAILED" and "nothing" in detail
    assert never_closed(rig)


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda d: shutil.copy(d / "oem_prov.key", d / "vehicle.key"), "does not belong to"),
        (lambda d: shutil.copy(d / "oem_prov.der", d / "vehicle.der"), "does not belong to"),
        (lambda d: (d / "vehicle.key").write_bytes(b"0"), "vehicle.key cannot be read"),
        (lambda d: (d / "vehicle.key").unlink(), "vehicle.key is missing"),
        (lambda d: (d / "vehicle.der").unlink(), "vehicle.der is missing"),
        (lambda d: (d / "v2g_root" / "v2g_root.der").write_bytes(b"x"), "cannot be read"),
        (lambda d: shutil.rmtree(d / "v2g_root"), "no certificate in"),
    ],
)
def test_keys_of_the_car_that_are_no_use(pki, tmp_path, damage, words):
    """Refused before a byte of TLS is sent, with the file's name."""
    shutil.copytree(pki[0], tmp_path / "car")
    damage(tmp_path / "car")
    rig = Secure(pki[0], tmp_path / "car")
    reason, detail = run(rig)
    assert reason == "TLS_FAILED" and words in detail
    assert never_closed(rig)


def test_a_station_with_tls_1_2_only_is_named(pki):
    rig = Secure(pki[0], pki[0])
    rig.station.tls.minimum_version = ssl.TLSVersion.TLSv1_2
    rig.station.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    reason, detail = run(rig)
    assert reason == "TLS_REFUSED" and "protocol_version" in detail
    assert never_closed(rig)


class Shelf(dict):
    """A store without files."""

    def read(self, name):
        return self.get(name)

    def write(self, name, data):
        self[name] = data

    def remove(self, name):
        self.pop(name, None)


def test_verified_sub_cas_are_remembered_beyond_a_restart(pki, monkeypatch):
    kept = Shelf()
    used = crypto.backend()
    real = used.verify
    steps = []
    for _ in range(2):
        rig = Secure(pki[0], pki[0])
        rig.controller.store = kept
        verified = []

        def counted(*args, verified=verified):
            verified.append(args)
            return real(*args)

        monkeypatch.setattr(used, "verify", counted)
        assert run(rig)[0] == "STATION_TERMINATE"
        steps.append(len(verified))
        assert len(kept["verified"]) == 32
    assert steps == [4, 2]  # two sub CAs, leaf, handshake; then without the sub CAs


def test_no_public_key_work_while_contactors_are_closed(pki):
    """Neither in one piece nor as a handshake, whoever asks for it in the charge loop."""
    rig = Secure(pki[0], pki[0])
    car, seen = rig.controller, []

    def secret_work(now):
        if car.safety.state != "open" and not seen:
            assert crypto.closed()
            with pytest.raises(RuntimeError, match="contactors are closed"):
                crypto.run(crypto.public("P-256", bytes(31) + b"\5", car.urandom))
            sent = []
            again = TlsClient(sent.append, car.urandom, [], None, car.params, Clock())
            again.start(now)
            assert again.step(now) == now + 50 and not sent and again.state == "handshake"
            seen.append(car.session.state)
        return step(now)

    step = car.step
    car.step = secret_work
    assert run(rig)[0] == "STATION_TERMINATE"
    assert seen and not crypto.closed()


@pytest.mark.parametrize("plain_ok", [False, True])
def test_tls_refused(pki, plain_ok):
    """Whether SDP takes such a station or not: ISO 15118-20 without TLS needs its own setting."""
    rig = Secure(None, pki[0], sdp_plain_ok=plain_ok)
    reason, detail = run(rig)
    assert reason == "TLS_REFUSED" and "TLS" in detail
    assert never_closed(rig)


@pytest.mark.parametrize("do", ["close_tcp", "reset_tcp"])
def test_connection_cut_in_the_loop(pki, do):
    rig = Secure(pki[0], pki[0], [{"do": do, "at": "DC_ChargeLoop", "nth": 5}])
    assert run(rig)[0] == "LINK_LOST"
    assert len(rig.plant.opened_at) == 1 and abs(rig.plant.opened_at[0]) < 1


@pytest.mark.parametrize("message", ["ServiceDiscovery", "PowerDelivery", "DC_ChargeLoop"])
def test_tampered_record(pki, message):
    rig = Secure(pki[0], pki[0])

    def tamper():
        tls = rig.station.connection.tls
        write = tls.write

        def changed(data):
            write(data)
            tls.pending = tls.pending[:-1] + bytes((tls.pending[-1] ^ 1,))

        tls.write = changed

    rig.at(message, tamper)
    reason, detail = run(rig)
    assert reason == "LINK_LOST" and "bad_record_mac" in detail
    if message == "DC_ChargeLoop":
        assert len(rig.plant.opened_at) == 1 and abs(rig.plant.opened_at[0]) < 1


def test_goodbye_in_the_loop(pki):
    """The station ends TLS in order while power flows: still no end that the car wanted."""
    rig = Secure(pki[0], pki[0])

    def goodbye():
        tls = rig.station.connection.tls
        try:
            tls._tls.unwrap()
        except OSError:  # it waits for ours
            pass
        tls.pending += tls._out.read()
        tls.flush(rig.station.connection._raw_send)

    rig.at("DC_ChargeLoop", goodbye, 3)
    assert run(rig)[0] == "LINK_LOST"
    assert len(rig.plant.opened_at) == 1 and abs(rig.plant.opened_at[0]) < 1


@pytest.mark.parametrize("plain_ok", [True, False])
def test_protocol_refused_over_tls_is_offered_once_more_without(pki, plain_ok):
    """Only where settings allow that; a second refusal is the end."""
    row = {"do": "code", "at": "supportedAppProtocol", "code": "Failed_NoNegotiation"}
    allowed = {"sdp_plain_ok": plain_ok, "allow_iso20_without_tls": plain_ok}
    rig = Secure(pki[0], pki[0], [row], **allowed)
    rig.at("supportedAppProtocol", rig.station.scenario.rows.clear)
    reason, _ = run(rig)
    assert reason == ("STATION_TERMINATE" if plain_ok else "NO_PROTOCOL")
    assert len(rig.station.sessions) == 1 + plain_ok
    if plain_ok:
        rig = Secure(pki[0], pki[0], [row], **allowed)
        assert run(rig)[0] == "NO_PROTOCOL" and len(rig.station.sessions) == 2


@pytest.mark.parametrize("same", [True, False])
def test_a_paused_session_is_resumed_at_the_same_certificate_only(pki, tmp_path, same):
    rig = Secure(pki[0], pki[0])
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 5)
    rig.world.run(500)
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.controller.state == "paused", 60000)
    assert len(rig.controller.kept["leaf"]) == 64
    rig.world.run(rig.world.now + 1500)
    if not same:
        rig.station.tls = context(station(pki, tmp_path), "bench")
    rig.controller.resume()
    assert rig.world.run_until(lambda: rig.controller.state == "finished", rig.world.now + 60000)
    rig.world.run(rig.world.now + 500)
    assert rig.board.unplug()
    rig.world.run(rig.world.now + 500)
    rig.check_safe()
    assert rig.controller.result == ("STATION_TERMINATE" if same else "OTHER_STATION")
    if same:
        assert rig.station.secc.joined
    else:  # the old id was not even named
        assert "SessionSetup" not in rig.station.secc.counts
