# SPDX-License-Identifier: MIT
"""Questions and orders to a modem that neither a session nor the self-test needs: networks with
their stations, statistics, attributes, keys, restart.

Vendor messages and CM_* as in local.py and after the same sources; for people and tools. No image
has this file: nothing on a board imports it.
"""

from evcc.homeplug import BROADCAST, LOCAL, begin


def nw_info(frame):
    """VS_NW_INFO.CNF (either form) as a list of networks, each a dict with its `stations`.

    role: 0 station, 1 proxy, 2 coordinator. Rates in Mbit/s. A list cut short ends early.
    """
    long = frame[14] == 1
    p = 27 if long else 20
    found = []
    if len(frame) <= p:
        return found
    n = frame[p]
    p += 1
    head, each = (32, 24) if long else (18, 15)
    while n and len(frame) >= p + head:
        n -= 1
        r = p + (9 if long else 7)
        role = p + (15 if long else 9)
        net = {
            "nid": bytes(frame[p : p + 7]),
            "snid": frame[r],
            "tei": frame[r + 1],
            "role": frame[role],
            "cco_mac": bytes(frame[role + 1 : role + 7]),
            "cco_tei": frame[role + 7],
            "stations": [],
        }
        count = frame[p + (26 if long else 17)]
        p += head
        while count and len(frame) >= p + each:
            count -= 1
            b = p + (10 if long else 7)
            net["stations"].append(
                {
                    "mac": bytes(frame[p : p + 6]),
                    "tei": frame[p + 6],
                    "bridged": bytes(frame[b : b + 6]),
                    "tx": frame[b + 6],
                    "rx": frame[b + 10] if long else frame[b + 7],
                }
            )
            p += each
        found.append(net)
    return found


def nw_stats(frame):
    """CM_NW_STATS.CNF as a list of (MAC, mean Tx, mean Rx in Mbit/s)."""
    count = frame[19]
    rows = []
    for p in range(20, min(20 + 8 * count, len(frame) - 7), 8):
        rows.append((bytes(frame[p : p + 6]), frame[p + 6], frame[p + 7]))
    return rows


def op_attributes_req(buf, mac):
    """VS_OP_ATTRIBUTES.REQ, binary report."""
    return begin(buf, LOCAL, mac, 0xA068)


def op_attributes(frame):
    """Family, device, version and release of VS_OP_ATTRIBUTES.CNF as one text, or None."""
    if len(frame) < 101 or frame[20] or frame[21]:
        return None
    numbers = [int.from_bytes(bytes(frame[61 + 4 * i : 65 + 4 * i]), "little") for i in range(5)]
    words = [bytes(frame[a:b]) for a, b in ((29, 45), (45, 61), (81, 89), (89, 101))]
    words = ["".join([chr(c) for c in w if 32 < c < 127]) for w in words]
    return "%s %s %s %s %s" % (
        words[0],
        words[1],
        ".".join([str(i) for i in numbers]),
        words[2],
        words[3],
    )


def get_key_req(buf, mac, nid):
    """CM_GET_KEY.REQ, broadcast: each modem of our network answers, own one with the key.

    A link probe for modems without the vendor messages; not all stations' modems answer.
    """
    begin(buf, BROADCAST, mac, 0x600C)
    buf[20] = 1
    buf[21:28] = nid
    buf[32] = 4
    return 60


def nw_stats_req(buf, mac):
    """CM_NW_STATS.REQ to the own modem."""
    return begin(buf, LOCAL, mac, 0x6048)


def cm_nw_info_req(buf, mac):
    """CM_NW_INFO.REQ to the own modem."""
    return begin(buf, LOCAL, mac, 0x6038)


def lnk_stats_req(buf, mac, station):
    """VS_LNK_STATS.REQ: 20 mcontrol 0, 21 direction 2 (both), 22 link 0xF8, 23 MAC of the peer."""
    begin(buf, LOCAL, mac, 0xA030)
    buf[21] = 2
    buf[22] = 0xF8
    buf[23:29] = station
    return 60


def rs_dev_req(buf, mac):
    """VS_RS_DEV.REQ: the modem restarts at once; its answer may never come."""
    return begin(buf, LOCAL, mac, 0xA01C)


def fac_defaults_req(buf, mac):
    """VS_FAC_DEFAULTS.REQ: keys and settings as made. For people, never for a session."""
    return begin(buf, LOCAL, mac, 0xA07C)


def host_action_rsp(buf, mac):
    """VS_HOST_ACTION.RSP, status 0: to a modem that wants its firmware from the host."""
    return begin(buf, LOCAL, mac, 0xA063)


def status_ok(frame):
    """Status byte 0 in a CNF of VS_RS_DEV, VS_FAC_DEFAULTS and their like."""
    return len(frame) > 20 and not frame[20]
