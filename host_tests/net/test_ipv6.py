# SPDX-License-Identifier: MIT
import ipaddress
import random

from evcc.net import ipv6


def test_link_local_from_mac():
    for mac, want in (
        ("0200000e0e01", "fe80::ff:fe0e:e01"),
        ("e0123456789a", "fe80::e212:34ff:fe56:789a"),
    ):
        address = ipv6.link_local(bytes.fromhex(mac))
        assert address == ipaddress.ip_address(want).packed
        assert ipv6.text(address) == want


def test_multicast():
    x = ipaddress.ip_address("fe80::12ab:cdef").packed
    assert ipv6.solicited_node(x) == ipaddress.ip_address("ff02::1:ffab:cdef").packed
    assert ipv6.multicast_mac(ipv6.solicited_node(x)) == bytes.fromhex("3333ffabcdef")
    assert ipv6.multicast_mac(ipv6.ALL_ROUTERS) == bytes.fromhex("333300000002")


def test_text_like_the_standard_library():
    rng = random.Random(7)
    for _ in range(2000):
        a = b"".join(rng.choice((b"\0\0", b"\0\0", b"\0\1", rng.randbytes(2))) for _ in range(8))
        if a[:10] == bytes(10):  # Python writes some of those with dots
            continue
        assert ipv6.text(a) == str(ipaddress.ip_address(a))


def test_kinds():
    for text, local, unicast in (
        ("fe80::1", True, True),
        ("febf::1", True, True),
        ("fec0::1", False, True),
        ("2001:db8::1", False, True),
        ("ff02::1", False, False),
        ("::", False, False),
        ("::1", False, False),
    ):
        a = ipaddress.ip_address(text).packed
        assert ipv6.is_link_local(a) is local, text
        assert ipv6.is_unicast(a) is unicast, text
