# SPDX-License-Identifier: MIT
"""TLS read along with a key log: two OpenSSL ends talk, the reader finds what they said."""

import random
import ssl

import pytest

from tools.demo import tls_records as tls
from tools.pki.maker import make


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """(key log, [(from client?, bytes)] of one conversation, {from client?: plaintext})"""
    folder = tmp_path_factory.mktemp("pki")
    make(folder, "P-256")
    log = folder / "keys.log"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "secc.pem", folder / "secc_key.pem")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = str(log)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    flights, said = [], {True: b"", False: b""}

    def carry(bio, other, from_client):
        data = bio.read()
        if data:
            flights.append((from_client, data))
            other.write(data)

    outs = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends = [client.wrap_bio(down, outs[0]), server.wrap_bio(up, outs[1], server_side=True)]
    for _ in range(6):
        for i, (end, bio) in enumerate(zip(ends, (up, down), strict=True)):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            carry(outs[i], bio, i == 0)
    for n in (1, 300, 20000, 5):
        for i, (end, bio) in enumerate(zip(ends, (up, down), strict=True)):
            text = bytes([65 + i]) * n
            end.write(text)
            said[i == 0] += text
            carry(outs[i], bio, i == 0)
    return log.read_text(), flights, said


def read(flights, log, when, cut=None):
    """Events with the key log known before flight number `when`."""
    secrets = tls.Secrets()
    c = tls.Connection(secrets)
    found = []
    for n, (from_client, data) in enumerate(flights):
        if n == when:
            secrets.add(log)
        side = c.sides[0 if from_client else 1]
        size = cut or len(data)
        for i in range(0, len(data), size):
            side.feed(data[i : i + size], (n, from_client))
            found += side.events()
    if when >= len(flights):
        secrets.add(log)
    for side in c.sides:
        found += side.events()
    assert not any(side.records for side in c.sides)
    return sorted(found, key=lambda event: event[0][0])


@pytest.mark.parametrize("when", [0, 2, 99])
@pytest.mark.parametrize("cut", [None, 7])
def test_finds_what_was_said(talk, when, cut):
    log, flights, said = talk
    events = read(flights, log, when, cut)
    for from_client in (True, False):
        mine = [event for event in events if event[0][1] == from_client]
        data = b"".join(data for _, kind, data in mine if kind == tls.DATA)
        assert data == said[from_client]
        kinds = [message[0] for _, kind, message in mine if kind == tls.HANDSHAKE]
        assert kinds[0] == (1 if from_client else 2) and 20 in kinds
    fields = {}
    for _, kind, message in events:
        if kind == tls.HANDSHAKE:
            fields.update(tls.describe(*message)[1])
    assert fields["version"] == "TLS 1.3" and fields["suite"].startswith("TLS_")
    assert "CN=SECC TEST" in fields["chain"][0]
    assert fields["scheme"] == "ecdsa_secp256r1_sha256"


def test_without_keys_nothing_is_read_and_nothing_lost(talk):
    _, flights, _ = talk
    c = tls.Connection(tls.Secrets())
    for from_client, data in flights:
        side = c.sides[0 if from_client else 1]
        side.feed(data, None)
        assert all(kind == tls.HANDSHAKE for _, kind, _ in side.events())
    assert sum(len(side.records) for side in c.sides) > 4


def test_wrong_keys_and_changed_records_are_errors_of_one_kind(talk):
    log, flights, _ = talk
    words = [line.split() for line in log.splitlines() if not line.startswith("#")]
    wrong = "\n".join(f"{a} {b} {'00' * (len(c) // 2)}" for a, b, c in words)
    with pytest.raises(ValueError, match="does not decrypt"):
        read(flights, wrong, 0)
    rng = random.Random(3)
    for _ in range(150):
        n = rng.randrange(len(flights))
        data = bytearray(flights[n][1])
        data[rng.randrange(min(len(data), 600))] ^= 1 << rng.randrange(8)
        changed = [*flights[:n], (flights[n][0], bytes(data)), *flights[n + 1 :]]
        secrets = tls.Secrets()
        secrets.add(log)
        c = tls.Connection(secrets)
        for from_client, data in changed:
            side = c.sides[0 if from_client else 1]
            side.feed(data, None)
            try:
                for _, kind, message in side.events():
                    if kind == tls.HANDSHAKE:
                        tls.describe(*message)
            except (ValueError, IndexError, tls.struct.error):
                pass


def test_lines_that_are_no_secrets_are_passed_over():
    secrets = tls.Secrets()
    secrets.add("# comment\n\nCLIENT_RANDOM aa\nSERVER_TRAFFIC_SECRET_0 AA 0b0c\n")
    assert secrets.find("SERVER_TRAFFIC_SECRET_0", b"\xaa") == b"\x0b\x0c"
    assert secrets.find("CLIENT_RANDOM", b"\xaa") is None
