# SPDX-License-Identifier: MIT
"""Our client against OpenSSL (`openssl s_server`) and mbedTLS (`tls` of Debian's MicroPython)."""

import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.serialization import Encoding
from evcc import crypto
from evcc.pki import store
from evcc.pki.clock import Clock
from evcc.tls.client import TlsClient

from host_tests.conftest import need, peer
from host_tests.tls.link import Params
from tools.pki import make
from tools.pki.maker import Maker, key_pem, name, pem, responses
from tools.pki.maker import _save as save
from tools.tls.probe import with_tls12
from tools.vm import command, environment, missing

pytestmark = pytest.mark.peer
LIMIT = 10


@pytest.fixture(params=["host", "pure"])
def backend(request):
    crypto.use(request.param)
    yield request.param
    crypto._b.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """folder(kind, subs) of a whole PKI."""
    made = {}

    def get(kind, subs=2):
        if (kind, subs) not in made:
            made[kind, subs] = path = tmp_path_factory.mktemp("pki")
            make(path, kind, subs=subs)
        return made[kind, subs]

    return get


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A server process with a time limit; connects once it listens."""

    def __init__(self, command, port, env=None, stdin=subprocess.PIPE):
        self.port = port
        self.process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
        )

    def connect(self):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                s = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
                s.settimeout(LIMIT)
                return s
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError("server did not start: %r" % self.end())

    def end(self):
        self.process.terminate()
        try:
            return self.process.communicate(timeout=5)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0].decode(errors="replace")


def openssl(folder, *more, verify=True):
    program = shutil.which("openssl")
    need(None if program else "openssl is missing: apt-get install openssl")
    port = free_port()
    line = [program, "s_server", "-accept", "127.0.0.1:%d" % port, "-tls1_3", "-naccept", "1"]
    line += ["-cert", "secc.pem", "-cert_chain", "secc.pem", "-key", "secc_key.pem"]
    if verify:
        line += ["-CAfile", "oem_root.pem", "-Verify", "5", "-verify_return_error"]
    line = [x if "." not in x or x[0] == "1" else str(folder / x) for x in line]
    return Process([*line, *map(str, more)], port)


class Car:
    """Our client on a socket."""

    def __init__(self, sock, folder, identity=None, **params):
        self.sock, self.data = sock, b""
        self.lines = []
        self.tls = TlsClient(
            self._send,
            os.urandom,
            store.roots(str(folder)),
            identity or store.Identity(str(folder)),
            Params(**params),
            Clock(lambda: int(time.time())),
            on_data=lambda d, now: setattr(self, "data", self.data + bytes(d)),
            keylog=self.lines.append,
        )

    def _send(self, data):
        self.sock.sendall(bytes(data))
        return True

    def now(self):
        return int(time.monotonic() * 1000)

    def until(self, done):
        end = time.monotonic() + LIMIT
        while not done() and self.tls.state not in ("closed", "failed"):
            assert time.monotonic() < end, "too slow"
            now = self.now()
            if self.tls.step(now) <= now:
                continue
            try:
                data = self.sock.recv(3000)
            except ConnectionError:
                data = b""
            if data:
                self.tls.feed(data, self.now())
            else:
                self.tls.lost()

    def handshake(self):
        self.tls.start(self.now())
        self.until(lambda: self.tls.state == "ready")
        return self.tls


def talk(server, folder, **params):
    """Handshake, then data both ways; `-rev` turns each line round."""
    with server.connect() as sock:
        car = Car(sock, folder, **params)
        try:
            assert car.handshake().state == "ready", car.tls.error
            assert car.tls.write(b"to the station\n")
            car.until(lambda: car.data.endswith(b"\n"))
            assert car.data == b"to the station"[::-1] + b"\n", car.tls.error
            car.tls.close()
        finally:
            said = server.end()
    assert "error" not in said.lower().replace("no error", ""), said
    return car, said


@pytest.mark.shows("P-521, X448, Ed448 (strict profile)", peer="OpenSSL")
@pytest.mark.shows("mutual authentication", peer="OpenSSL")
@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
@pytest.mark.parametrize("suite", ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
@pytest.mark.parametrize("group", ["P-521", "X448"])
def test_openssl_strict(backend, folder, kind, suite, group):
    server = openssl(folder(kind), "-rev", "-ciphersuites", suite, "-groups", group)
    car, said = talk(server, folder(kind))
    a = car.tls.agreed
    assert a["suite"] == suite and a["group"] == group and a["retry"] == (group == "X448")
    assert a["client_certificate"] and "Verification: OK" in said


@pytest.mark.parametrize("subs", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["P-521", "Ed448", "P-256"])
def test_openssl_depths(folder, kind, subs):
    profile = "bench" if kind == "P-256" else "strict"
    d = folder(kind, subs)
    car, said = talk(openssl(d, "-rev"), d, tls_profile=profile)
    assert "Verification: OK" in said


@pytest.mark.shows("P-256 (bench profile)", peer="OpenSSL")
@pytest.mark.parametrize("group", ["P-256", "P-521", "X448"])
def test_openssl_bench_groups(folder, group):
    d = folder("P-256")
    server = openssl(d, "-rev", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-groups", group)
    car, _ = talk(server, d, tls_profile="bench")
    assert car.tls.agreed["group"] == group


@pytest.mark.shows("OCSP stapling", "of the leaf", peer="OpenSSL")
def test_openssl_staples_for_the_leaf(folder):
    d = folder("P-521")
    car, _ = talk(openssl(d, "-rev", "-status_file", d / "ocsp" / "secc_0.der"), d)
    assert car.tls.agreed["ocsp"] == "1 of 3 good"
    server = openssl(d, "-rev", "-status_file", d / "ocsp" / "secc_0.der")
    with server.connect() as sock:
        car = Car(sock, d, ocsp_policy="strict")
        assert car.handshake().alert == "bad_certificate_status_response"
        car.tls.step(car.now())
        said = server.end()
    assert "alert" in said and "113" in said, said


def test_openssl_staples_revoked(folder, tmp_path):
    m = Maker("P-521")
    root = m.root("R")
    leaf = m.secc(root)
    d = tmp_path
    shutil.copytree(folder("P-521"), d, dirs_exist_ok=True)
    (d / "v2g_root" / "v2g_root.der").write_bytes(root.der)
    (d / "secc.pem").write_bytes(pem(leaf))
    (d / "secc_key.pem").write_bytes(key_pem(leaf))
    (d / "r.der").write_bytes(responses(leaf, state="revoked")[0])
    server = openssl(d, "-rev", "-status_file", d / "r.der")
    with server.connect() as sock:
        assert Car(sock, d).handshake().alert == "certificate_revoked"
        server.end()


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096])
def test_openssl_max_fragment_length(folder, size):
    car, _ = talk(openssl(folder("P-521"), "-rev"), folder("P-521"), tls_max_fragment=size)
    assert car.tls.agreed["max_fragment_length"] == size


def test_openssl_small_records(folder):
    talk(openssl(folder("P-521"), "-rev", "-max_send_frag", "512"), folder("P-521"))


def test_openssl_pads_records(folder):
    talk(openssl(folder("P-521"), "-rev", "-record_padding", "512"), folder("P-521"))


def test_openssl_updates_keys_and_sends_tickets(folder):
    d = folder("P-521")
    server = openssl(d, "-num_tickets", "3")
    with server.connect() as sock:
        car = Car(sock, d)
        try:
            assert car.handshake().state == "ready", car.tls.error
            # commands of s_server: K: update its keys and ask for ours; then a line of data
            server.process.stdin.write(b"K\n")
            server.process.stdin.flush()
            car.until(lambda: car.tls.counters["key_updates"])
            server.process.stdin.write(b"to the car\n")
            server.process.stdin.flush()
            car.until(lambda: car.data.endswith(b"\n"))
            assert car.data == b"to the car\n", car.tls.error
            assert car.tls.write(b"under new keys\n")
            assert car.tls.counters["tickets"] == 3
            time.sleep(0.2)
        finally:
            said = server.end()
    assert "under new keys" in said, said


def test_openssl_refuses_a_stranger(folder, tmp_path):
    """A station that does not know our root: its alert is told."""
    d = tmp_path
    shutil.copytree(folder("P-521"), d, dirs_exist_ok=True)
    other = Maker("P-521").root("Other OEM Root")
    (d / "oem_root.pem").write_bytes(other.cert.public_bytes(Encoding.PEM))
    server = openssl(d)
    with server.connect() as sock:
        car = Car(sock, d)
        car.handshake()
        car.until(lambda: False)
        server.end()
    assert car.tls.state == "failed" and "unknown_ca" in car.tls.error


def test_openssl_with_tls_1_2_only(folder):
    d = folder("P-256")
    server = openssl(d)
    line = [x for x in server.process.args if x != "-tls1_3"] + ["-tls1_2"]
    server.end()
    server = Process(line, server.port)
    with server.connect() as sock:
        car = Car(sock, d, tls_profile="bench")
        car.handshake()
        server.end()
    assert car.tls.state == "failed" and "protocol_version" in car.tls.error


ECDHE_SUITE = ["-cipher", "ECDHE-ECDSA-AES128-SHA256"]  # of ISO 15118-2; OpenSSL has no ECDH one


def test_hello_with_two_versions_and_a_station_that_takes_1_3(folder):
    d = folder("P-256")
    server = openssl(d)
    line = [x for x in server.process.args if x != "-tls1_3"] + ["-rev", *ECDHE_SUITE]
    server.end()
    server = Process(line, server.port)
    with server.connect() as sock:
        car = Car(sock, d, tls_profile="bench")
        car.tls.profile = with_tls12(car.tls.profile)
        try:
            assert car.handshake().state == "ready", car.tls.error
            assert car.tls.agreed["version"] == "TLS 1.3" and car.tls.write(b"ab\n")
            car.until(lambda: car.data.endswith(b"\n"))
            assert car.data == b"ba\n"
        finally:
            said = server.end()
    assert "ECDHE-ECDSA-AES128-SHA256" in said  # it saw what we offered for 1.2


def test_hello_with_two_versions_and_a_station_that_takes_1_2(folder):
    d = folder("P-256")
    server = openssl(d)
    line = [x for x in server.process.args if x != "-tls1_3"] + ["-tls1_2", *ECDHE_SUITE]
    server.end()
    server = Process(line, server.port)
    with server.connect() as sock:
        car = Car(sock, d, tls_profile="bench")
        car.tls.profile = with_tls12(car.tls.profile)
        car.handshake()
        server.end()
    assert car.tls.state == "failed" and car.tls.alert == "protocol_version"
    assert "TLS 1.2 (ISO 15118-2): not there yet" in car.tls.error


def test_openssl_names_the_issuers_it_knows(folder, tmp_path):
    """Of two identities the car shows the one whose issuer the station lists, else its first."""
    d = tmp_path / "d"
    shutil.copytree(folder("P-521"), d)
    m = Maker("P-521")
    root = m.root("Other Root")
    one = m.issue(name("TESTEVCC0000002", "TEST"), m.subs(root, "OTHER", 1))
    save(d, "vehicle_other", one)
    (d / "ours.pem").write_bytes((d / "oem_root.pem").read_bytes())
    (d / "oem_root.pem").write_bytes(root.cert.public_bytes(Encoding.PEM))
    known = store.identities(str(d))
    assert [x.leaf.title() for x in known] == ["TESTEVCC0000001", "TESTEVCC0000002"]
    for file, title in (("oem_root.pem", "TESTEVCC0000002"), ("ours.pem", "TESTEVCC0000001")):
        server = openssl(d, "-rev", "-CAfile", d / file)
        car, said = talk(server, d, identity=known)
        assert car.tls.agreed["client_certificate"]
        assert "CN = %s" % title in said or "CN=%s" % title in said, said


@pytest.mark.shows("P-521, X448, Ed448 (strict profile)", peer="GnuTLS")
@pytest.mark.shows("mutual authentication", peer="GnuTLS")
@pytest.mark.shows("OCSP stapling", "of the leaf, strict policy", peer="GnuTLS")
@pytest.mark.parametrize("group", ["SECP521R1", "X448"])
@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
def test_gnutls(backend, folder, kind, group):
    """It staples for the leaf: with a leaf right below the root that is the strict policy."""
    program = peer("gnutls").command("usr/bin/gnutls-serv")
    d = folder(kind, 0)
    port = free_port()
    line = [*program, "--port", str(port), "--echo", "--require-client-cert"]
    line += ["--verify-client-cert", "--x509certfile", d / "secc.pem"]
    line += ["--x509keyfile", d / "secc_key.pem", "--x509cafile", d / "oem_root.pem"]
    line += ["--ocsp-response", d / "ocsp" / "secc_0.der", "--priority"]
    line += ["NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-" + group]
    server = Process([str(x) for x in line], port)
    with server.connect() as sock:
        car = Car(sock, d, ocsp_policy="strict")
        try:
            assert car.handshake().state == "ready", car.tls.error
            assert car.tls.agreed["ocsp"] == "1 of 1 good"
            assert car.tls.write(b"to the station\n")
            car.until(lambda: car.data.endswith(b"\n"))
            assert car.data == b"to the station\n", car.tls.error
            car.tls.close()
        finally:
            server.end()


MBEDTLS = """
import socket, sys, tls
port, folder, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def read(name):
    with open(folder + "/" + name, "rb") as f:
        return f.read()
c = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
c.load_cert_chain(read("secc.pem") + b"\\0", read("secc_key.pem") + b"\\0")
c.verify_mode = wanted
if wanted:
    c.load_verify_locations(read("oem_root.pem") + b"\\0")
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
s.listen(1)
a, _ = s.accept()
t = c.wrap_socket(a, server_side=True)
print("cipher", t.cipher())
while True:
    b = t.read(15)
    if not b:
        break
    t.write(bytes(reversed(b[:-1])) + b"\\n")
"""


@pytest.mark.shows("P-521, X448, Ed448 (strict profile)", "{kind}", peer="mbedTLS")
@pytest.mark.vm
@pytest.mark.parametrize("wanted", [1, 2])
@pytest.mark.parametrize("kind,profile", [("P-521", "strict"), ("P-256", "bench")])
def test_mbedtls(folder, backend, tmp_path, kind, profile, wanted):
    need(missing("i386"))
    d = folder(kind)
    port = free_port()
    script = tmp_path / "server.py"
    script.write_text(MBEDTLS)
    line = command(script, heap="1m", arguments=(port, d, wanted))
    server = Process(line, port, environment())
    car, said = talk(server, d, tls_profile=profile)
    assert car.tls.agreed["client_certificate"]


def test_python_ssl(folder, backend):
    """OpenSSL once more, through Python's ssl, in memory: all sizes of data, cut anywhere."""
    import ssl

    d = folder("P-521")
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(d / "secc.pem", d / "secc_key.pem")
    c.load_verify_locations(d / "oem_root.pem")
    c.verify_mode = ssl.CERT_REQUIRED
    c.set_ecdh_curve("secp521r1")
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = c.wrap_bio(i, o, server_side=True)

    class Wire:
        def sendall(self, data):
            i.write(data)

    car = Car(Wire(), d)
    car.tls.start(0)
    for _ in range(5000):
        if car.tls.state == "ready":
            break
        if car.tls.step(0) > 0:
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                pass
            car.tls.feed(o.read(), 0)
    assert car.tls.state == "ready", car.tls.error
    server.do_handshake()
    assert len(server.getpeercert(True)) > 500 and server.cipher()[0] == "TLS_AES_256_GCM_SHA384"
    for n in (1, 100, 5000, 16384, 16385, 40000):
        assert car.tls.write(b"u" * n)
        got = b""
        while len(got) < n:
            got += server.read(n)
        assert got == b"u" * n
        car.data = b""
        server.write(b"d" * n)
        data = o.read()
        for k in range(0, len(data), 999):
            car.tls.feed(data[k : k + 999], 0)
        assert car.data == b"d" * n
    assert sys.version_info >= (3, 10)
