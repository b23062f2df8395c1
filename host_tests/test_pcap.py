# SPDX-License-Identifier: MIT
"""pcapng: bytes against the format's layout, read back by an own parser, and by tshark."""

import json
import struct
import subprocess

import pytest
from evcc.pcap import Writer, dump
from evcc.trace import Trace


def blocks(data):
    """[(type, body)] by the rules of pcapng only: both lengths equal, multiple of four."""
    found, at = [], 0
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        assert total % 4 == 0 and total >= 12, (at, total)
        assert struct.unpack_from("<I", data, at + total - 4)[0] == total
        found.append((kind, data[at + 8 : at + total - 4]))
        at += total
    assert at == len(data)
    return found


def options(data):
    """{code: [values]} up to the end option."""
    found, at = {}, 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert length == 0 and at + 4 == len(data)
            return found
        found.setdefault(code, []).append(data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    assert not found, "options without an end"
    return found


class Packet:
    def __init__(self, body):
        self.interface, high, low, kept, self.length = struct.unpack_from("<IIIII", body)
        self.us = high << 32 | low
        self.data = body[20 : 20 + kept]
        padded = kept + -kept % 4
        assert body[20 + kept : 20 + padded] == bytes(padded - kept)
        self.options = options(body[20 + padded :])
        self.comment = b"\n".join(self.options.get(1, [])).decode()


def packets(data):
    return [Packet(body) for kind, body in blocks(data) if kind == 6]


def file(make, **kw):
    out = []
    w = Writer(lambda data: out.append(bytes(data)), **kw)
    make(w)
    return b"".join(out)


def test_headers_byte_by_byte():
    data = file(lambda w: w.interface("cp"), application="ab")
    assert data == bytes.fromhex(
        "0a0d0d0a 28000000 4d3c2b1a 01000000 ffffffffffffffff"  # section, 1.0, no length
        "0400 0200 61620000 0000 0000 28000000"  # shb_userappl, end
        "01000000 28000000 0100 0000 00000000"  # Ethernet, no snap length
        "0200 0200 63700000 0900 0100 06000000 00000000 28000000".replace(" ", "")
    )


def test_packet_fields():
    def make(w):
        w.interface("a")
        w.interface("b", "the other side")
        w.frame(b"\x01" * 61, 1234, comment="héllo", out=True, interface=1)
        w.frame(b"\x02" * 60, 1234.5, out=False, length=900)
        w.frame(b"", 1235)

    data = file(make, epoch_us=1_700_000_000_000_000)
    one, two, three = packets(data)
    assert (one.interface, one.data, one.length) == (1, b"\x01" * 61, 61)
    assert one.us == 1_700_000_000_000_000 + 1_234_000
    assert one.comment == "héllo" and one.options[2] == [b"\x02\0\0\0"]
    assert two.us - one.us == 500 and two.length == 900 and two.options == {2: [b"\x01\0\0\0"]}
    assert three.data == b"" and not three.options


def test_section_comment_and_interfaces():
    data = file(lambda w: w.interface("n", "d"), comment="a capture")
    (s, i) = blocks(data)
    assert options(s[1][16:])[1] == [b"a capture"]
    opts = options(i[1][8:])
    assert opts[2] == [b"n"] and opts[3] == [b"d"] and opts[9] == [b"\x06"]


def test_secrets_block():
    line = "CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 11\n"
    data = file(lambda w: w.secrets(line))
    kind, body = blocks(data)[1]
    assert kind == 10
    assert body[:8] == struct.pack("<II", 0x544C534B, len(line))
    assert body[8 : 8 + len(line)] == line.encode() and len(body) % 4 == 0


def test_frame_without_interface_is_refused():
    with pytest.raises(ValueError, match="not declared"):
        file(lambda w: w.frame(b"x", 1))


def test_long_comment_is_cut_at_a_character():
    def make(w):
        w.interface("a")
        w.frame(b"x", 0, comment="€" * 30000)

    (p,) = packets(file(make))
    assert set(p.comment) == {"€"} and 1000 < len(p.comment) < 2000


def test_dump_puts_texts_at_their_frames():
    t = Trace(2000, snap=50)
    t.step("started", 0)
    t.message(True, "Req1", {}, 1)
    t.frame(True, b"a" * 60, 1)
    t.frame(False, b"b" * 40, 2)
    t.message(False, "Res1", {"ResponseCode": "OK"}, 2)
    t.step("next", 3)
    t.message(True, "Req2", {}, 3)
    t.frame(True, b"c" * 40, 3)
    t.step("end", 4)
    out = []
    assert dump(t, lambda d: out.append(bytes(d)), interface="car") == 3
    got = [(p.data[:1], p.comment, p.length) for p in packets(b"".join(out))]
    assert got == [
        (b"a", "started\nReq1", 60),
        (b"b", "Res1 OK", 40),
        (b"c", "next\nReq2\nend", 40),
    ]


def test_dump_of_an_empty_ring_is_a_valid_file():
    out = []
    assert dump(Trace(100), lambda d: out.append(bytes(d))) == 0
    assert [kind for kind, _ in blocks(b"".join(out))] == [0x0A0D0D0A, 1]


@pytest.mark.peer
def test_tshark_reads_frames_times_comments_and_directions(tmp_path, peer):
    slac = bytes.fromhex(
        "ffffffffffff 02000000000e 88e1 01 6460 0000 00 00 0102030405060708".replace(" ", "")
    )
    path = tmp_path / "x.pcapng"
    with open(path, "wb") as out:
        w = Writer(out.write, comment="test", epoch_us=1_700_000_000_000_000)
        w.interface("power line", "one side")
        w.secrets("CLIENT_RANDOM " + "00" * 32 + " " + "11" * 48 + "\n")
        w.frame(slac.ljust(60, b"\0"), 250, comment="CM_SLAC_PARM.REQ ✓", out=True)
        w.frame(slac.ljust(61, b"\0"), 251, out=False)
    run = subprocess.run(
        peer("tshark").command()
        + ["-r", str(path), "-T", "json", "-e", "frame.time_epoch", "-e", "frame.comment"]
        + ["-e", "frame.protocols", "-e", "frame.packet_flags_direction", "-e", "frame.len"]
        + ["-e", "frame.interface_name"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    one, two = (row["_source"]["layers"] for row in json.loads(run.stdout))
    assert one["frame.time_epoch"] == ["1700000000.250000000"]
    assert one["frame.comment"] == ["CM_SLAC_PARM.REQ ✓"]
    assert "homeplug-av" in one["frame.protocols"][0]
    assert one["frame.interface_name"] == ["power line"]
    assert two["frame.time_epoch"] == ["1700000000.251000000"] and two["frame.len"] == ["61"]
    assert one["frame.packet_flags_direction"] != two["frame.packet_flags_direction"]


def tls_exchange(tmp_path, data):
    """TLS 1.3 in memory: ([(from client, record bytes)], key log text)."""
    import datetime
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST")])
    day = datetime.datetime(2026, 1, 1)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, day, day.replace(year=2046))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    pem = tmp_path / "test.pem"
    pem.write_bytes(
        cert
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    client.keylog_filename = str(tmp_path / "keys.log")
    bios = [ssl.MemoryBIO() for _ in range(4)]
    ends = [
        client.wrap_bio(bios[0], bios[1]),
        server.wrap_bio(bios[2], bios[3], server_side=True),
    ]
    sent = []

    def move():
        for out, into, from_client in ((bios[1], bios[2], True), (bios[3], bios[0], False)):
            chunk = out.read()
            if chunk:
                into.write(chunk)
                sent.append((from_client, chunk))

    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            move()
    ends[0].write(data)
    move()
    return sent, (tmp_path / "keys.log").read_text()


@pytest.mark.peer
def test_tshark_decrypts_tls_with_the_secrets_block(tmp_path, peer):
    sent, keys = tls_exchange(tmp_path, b"GET /uevcc HTTP/1.1\r\nHost: secc\r\n\r\n")
    numbers = {True: 1, False: 1}
    path = tmp_path / "tls.pcapng"
    with open(path, "wb") as out:
        w = Writer(out.write)
        w.interface("x")
        w.secrets(keys)
        for i, (up, data) in enumerate(sent):
            ports = (50000, 443) if up else (443, 50000)
            tcp = struct.pack(
                ">HHIIBBHHH", *ports, numbers[up], numbers[not up], 0x50, 0x18, 9000, 0, 0
            )
            numbers[up] += len(data)
            ends = (b"\xfe\x80" + bytes(13) + b"\x01", b"\xfe\x80" + bytes(13) + b"\x02")
            ends = ends if up else ends[::-1]
            ip = struct.pack(">IHBB", 6 << 28, len(tcp) + len(data), 6, 64) + b"".join(ends)
            w.frame(bytes(12) + b"\x86\xdd" + ip + tcp + data, i)
    run = subprocess.run(
        [*peer("tshark").command(), "-r", str(path), "-Y", "http.request", "-T", "fields"]
        + ["-e", "http.request.uri"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == "/uevcc", run.stderr
