# SPDX-License-Identifier: MIT
"""The probe against OpenSSL and against a port where nothing, or no TLS, is."""

import contextlib
import socket
import threading

import pytest

pytest.importorskip("cryptography")

from host_tests.tls.link import pki
from host_tests.tls.server import Server
from host_tests.tls.test_peers import Process, openssl
from tools.pki import make
from tools.pki.maker import responses
from tools.tls.__main__ import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pki")
    make(path, "P-521")
    return path


def listener(answer):
    """A server in a thread for one connection: answer(data) -> bytes, None closes."""
    s = socket.create_server(("::1", 0), family=socket.AF_INET6)

    def serve():
        c, _ = s.accept()
        c.settimeout(5)
        with c, s, contextlib.suppress(OSError):
            while data := c.recv(4096):
                back = answer(data)
                if back is None:
                    return
                c.sendall(back)

    threading.Thread(target=serve, daemon=True).start()
    return s.getsockname()[1]


@pytest.mark.peer
def test_openssl(folder, capsys):
    server = openssl(folder, "-rev")
    server.connect().close()
    server.end()
    server = openssl(folder, "-naccept", "2")
    server.connect().close()
    assert main(["127.0.0.1", str(server.port), "--pki", str(folder)]) == 1
    out = capsys.readouterr().out
    server.end()
    assert "result     ok" in out and "TLS_AES_256_GCM_SHA384" in out
    assert "objects: SECC TEST: no OCSP" in out and "handshake complete" in out


def test_a_station_without_fault(tmp_path, capsys):
    """Over IPv6, in the real time of this machine, with OCSP for the whole chain."""
    made = make(tmp_path, "P-521")
    server = Server(made["secc"], responses(made["secc"]))
    port = listener(server.feed)
    assert main(["::1", str(port), "--pki", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "nothing to object to" in out and "3 of 3 good" in out and "our cert   yes" in out


def test_bench_station_is_objected_to(tmp_path, capsys):
    made = make(tmp_path, "P-256", subs=1)
    server = Server(made["secc"], suite=0x1301, request=False)
    port = listener(server.feed)
    args = ["::1", str(port), "--pki", str(tmp_path), "--profile", "bench"]
    assert main(args) == 1
    out = capsys.readouterr().out
    for text in (
        "suite TLS_AES_128",
        "key exchange on P-256",
        "signature ecdsa_secp256r1",
        "no certificate of the car",
        "key of kind P-256",
    ):
        assert "objects: " in out and text in out


LINK_LOCAL = """
import subprocess, sys, time
from pathlib import Path
folder = sys.argv[1]
Path("/proc/sys/net/ipv6/conf/e0/accept_dad").write_text("0")
Path("/proc/sys/net/ipv6/conf/e0/disable_ipv6").write_text("0")
server = subprocess.Popen(
    ["openssl", "s_server", "-accept", "[::]:15119", "-6", "-tls1_3", "-naccept", "2",
     "-cert", folder + "/secc.pem", "-cert_chain", folder + "/secc.pem",
     "-key", folder + "/secc_key.pem", "-CAfile", folder + "/oem_root.pem", "-Verify", "5"],
    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
from tools.tls.__main__ import main
end = time.monotonic() + 10
while time.monotonic() < end:
    with open("/proc/net/tcp6") as f:
        if ":3B0F " in f.read():
            break
    time.sleep(0.05)
print("exit", main([sys.argv[2], "15119", "--interface", "e0", "--pki", folder]))
server.kill()
server.wait()
"""


@pytest.mark.peer
def test_link_local_address(folder):
    """OpenSSL behind a cable of its own, at fe80::..., as a station has it."""
    from host_tests import netns

    netns.require()
    done = netns.run_script(LINK_LOCAL, folder, netns.S0_ADDRESS, timeout=60)
    assert "result     ok" in done.stdout, done.stdout + done.stderr
    assert "our cert   yes" in done.stdout and "exit 1" in done.stdout


@pytest.mark.peer
def test_station_that_would_take_tls_1_2(folder, capsys):
    """Offered both, as by a car with ISO 15118-2 as well."""
    for version, words in (("-tls1_2", "TLS 1.2 (ISO 15118-2)"), ("-tls1_3", "result     ok")):
        first = openssl(folder)
        line = [x for x in first.process.args if x not in ("-tls1_3", "-naccept", "1")]
        first.end()
        server = Process([*line, version, "-cipher", "ALL"], first.port)
        server.connect().close()
        main(["127.0.0.1", str(server.port), "--pki", str(folder), "--tls12"])
        server.end()
        assert words in capsys.readouterr().out


def test_unknown_root(folder, capsys):
    """Told at once: nobody waits for an answer to the alert."""
    server = Server(pki()[2])
    port = listener(server.feed)
    assert main(["::1", str(port), "--pki", str(folder), "--timeout", "2"]) == 1
    out = capsys.readouterr().out
    assert "FAILED" in out and "chain 0" in out and "no answer" not in out


def test_no_tls(capsys):
    port = listener(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert main(["::1", str(port)]) == 1
    assert "not a TLS record" in capsys.readouterr().out


def test_nothing_there(capsys):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as s:
        port = s.getsockname()[1]
    assert main(["::1", str(port)]) == 1
    assert "refused" in capsys.readouterr().out


def test_silence(capsys):
    port = listener(lambda data: b"")
    assert main(["::1", str(port), "--timeout", "1"]) == 1
    assert "FAILED: no answer within 1 s" in capsys.readouterr().out


def test_damaged_pki(tmp_path, capsys):
    (tmp_path / "v2g_root").mkdir()
    (tmp_path / "v2g_root" / "x.der").write_bytes(b"x")
    assert main(["::1", "1", "--pki", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err
