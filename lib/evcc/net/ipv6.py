# SPDX-License-Identifier: MIT
"""IPv6 addresses as 16 bytes (RFC 4291): link-local from a MAC, multicast to Ethernet, text.

EUI-64 identifiers by RFC 4291 appendix A, multicast MAC by RFC 2464 section 7, text by RFC 5952.
No parser for text: nothing on the device reads addresses from people.
"""

ANY = bytes(16)
ALL_NODES = b"\xff\x02" + bytes(13) + b"\x01"
ALL_ROUTERS = b"\xff\x02" + bytes(13) + b"\x02"


def with_mac(prefix, mac):
    """8 bytes of prefix + modified EUI-64 of the MAC: bit 0x02 of the first byte flipped, FF FE
    inside.
    """
    return bytes(prefix) + bytes((mac[0] ^ 2, mac[1], mac[2], 255, 254, mac[3], mac[4], mac[5]))


def link_local(mac):
    """02:00:00:0E:0E:01 -> fe80::ff:fe0e:e01"""
    return with_mac(b"\xfe\x80\0\0\0\0\0\0", mac)


def is_link_local(address):
    """True for FE80::/10"""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def is_unicast(address):
    """True unless unspecified, loopback or multicast."""
    return address[0] != 0xFF and any(address[:15])


def solicited_node(address):
    """ff02::1:ffAB:CDEF of an address that ends in AB:CDEF (RFC 4291 section 2.7.1)"""
    return b"\xff\x02" + bytes(9) + b"\x01\xff" + bytes(address[13:16])


def multicast_mac(address):
    """33:33 and the last four bytes of a multicast address"""
    return b"\x33\x33" + bytes(address[12:16])


def text(address):
    """RFC 5952 text: longest run of zero groups shortened, first of equals, lower case."""
    groups = [address[i] << 8 | address[i + 1] for i in range(0, 16, 2)]
    best = at = 0
    for i in range(8):
        n = 0
        while i + n < 8 and groups[i + n] == 0:
            n += 1
        if n > best:
            best, at = n, i
    words = ["%x" % g for g in groups]
    if best < 2:
        return ":".join(words)
    return ":".join(words[:at]) + "::" + ":".join(words[at + best :])
