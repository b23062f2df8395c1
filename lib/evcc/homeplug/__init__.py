# SPDX-License-Identifier: MIT
"""HomePlug AV / Green PHY management messages (MME) that one EV session needs, packed and checked.

ISO 15118-3 Annex A SLAC messages of the EV, CM_SET_KEY and the two link questions to the modem on
this board. Packing writes a whole Ethernet frame (from the destination MAC, padded to 60) into the
caller's buffer and returns its length; nothing is allocated. Multi-byte fields of an MME are
little-endian. Reading: `mmtype` checks the header; the offsets of fields stand with their use.
Not here: messages of the EVSE's side, diagnostics of the own modem (`homeplug.local`,
`homeplug.diagnose`) and field by field decoding for people (`homeplug.decode`); a session imports
none of them.
"""

from evcc.compat import const

LOCAL = b"\x00\xb0\x52\x00\x00\x01"  # the modem on this board, whatever its MAC (Qualcomm)
BROADCAST = b"\xff\xff\xff\xff\xff\xff"

# ethertype, MMV 1; after the type two bytes of fragmentation, zero
_HEADER = const(b"\x88\xe1\x01")


def begin(buf, dst, src, mmtype, size=60):
    """Header and zeros up to `size`; vendor types (0xA000 up) get MMV 0 and Qualcomm's OUI."""
    for i in range(17, size):
        buf[i] = 0
    buf[0:6] = dst
    buf[6:12] = src
    buf[12:15] = _HEADER
    buf[15] = mmtype & 255
    buf[16] = mmtype >> 8
    if mmtype >= 0xA000:
        buf[14] = 0
        buf[18] = 0xB0
        buf[19] = 0x52
    return size


def mmtype(frame):
    """Type of a whole MME (int), or 0 for anything that is none: short, fragmented, other version.

    MMV 0: payload from offset 20 (after the OUI); MMV 1 and 2: from 19. So a type says nothing
    about lengths: check before reading.
    """
    if len(frame) < 20 or frame[12] != 0x88 or frame[13] != 0xE1 or frame[14] > 2:
        return 0
    if frame[14] and frame[17] & 0xF0 | frame[18] & 0xF0:
        return 0
    return frame[15] | frame[16] << 8


# ---- SLAC, what the EV sends (ISO 15118-3 Table A.2 and following) ------------------------------


def slac_parm_req(buf, mac, run_id):
    """CM_SLAC_PARM.REQ, broadcast: 21 RunID."""
    begin(buf, BROADCAST, mac, 0x6064)
    buf[21:29] = run_id
    return 60


def start_atten_char(buf, mac, run_id, sounds, timeout):
    """CM_START_ATTEN_CHAR.IND, broadcast: 21 sounds, 22 time-out (100 ms), 24 MAC, 30 RunID.

    Sounds and time-out are those of CM_SLAC_PARM.CNF; at least one maker's stations ignore others.
    """
    begin(buf, BROADCAST, mac, 0x606A)
    buf[21] = sounds
    buf[22] = timeout
    buf[23] = 1  # "other Green PHY station"; stations refuse anything else
    buf[24:30] = mac
    buf[30:38] = run_id
    return 60


def mnbc_sound(buf, mac, run_id, count, random):
    """CM_MNBC_SOUND.IND, broadcast: 38 count-down, 39 RunID, 55 sixteen random bytes; 71 long."""
    begin(buf, BROADCAST, mac, 0x6076, 71)
    buf[38] = count
    buf[39:47] = run_id
    buf[55:71] = random
    return 71


def atten_char_rsp(buf, mac, evse, run_id):
    """CM_ATTEN_CHAR.RSP: 21 EV MAC, 27 RunID, two IDs of zeros, 69 result 0; 70 long."""
    begin(buf, evse, mac, 0x606F, 70)
    buf[21:27] = mac
    buf[27:35] = run_id
    return 70


def validate_req(buf, mac, evse, timer):
    """CM_VALIDATE.REQ: 19 signal type 0 (toggles of S2), 20 window / 100 ms - 1, 21 result 1."""
    begin(buf, evse, mac, 0x6078)
    buf[20] = timer
    buf[21] = 1
    return 60


def slac_match_req(buf, mac, evse, run_id):
    """CM_SLAC_MATCH.REQ: 21 length 62, 40 EV MAC, 63 EVSE MAC, 69 RunID; 85 long."""
    begin(buf, evse, mac, 0x607C, 85)
    buf[21] = 62
    buf[40:46] = mac
    buf[63:69] = evse
    buf[69:77] = run_id
    return 85


def amp_map_cnf(buf, mac, evse):
    """CM_AMP_MAP.CNF, result 0 at 19."""
    return begin(buf, evse, mac, 0x601D)


# ---- to the modem on this board -----------------------------------------------------------------


def set_key_req(buf, mac, nid, nmk):
    """CM_SET_KEY.REQ to the local modem: 19 type 1 (NMK), 28 PID 4, 33 NID, 40 EKS 1, 41 NMK."""
    begin(buf, LOCAL, mac, 0x6008)
    buf[19] = 1
    buf[28] = 4
    buf[33:40] = nid
    buf[40] = 1
    buf[41:57] = nmk
    return 60


def pl_lnk_status_req(buf, mac):
    """VS_PL_LNK_STATUS.REQ; the CNF has 1 at 21 while the power-line link is up."""
    return begin(buf, LOCAL, mac, 0xA0B8)


def nw_info_req(buf, mac):
    """VS_NW_INFO.REQ, short form; read the CNF with `joined`."""
    return begin(buf, LOCAL, mac, 0xA038)


def joined(frame, nid):
    """What VS_NW_INFO.CNF says about network `nid`: 1 joined with another station, 0 not, 2 wrong.

    Wrong: this modem is coordinator (CCo), which in a car means the PIB of an EVSE. Short form
    (MMV 0) and long form (MMV 1, open-plc-utils plc/NetInfo2.c) differ in place and size.
    """
    long = frame[14] == 1
    p, role, count = (27, 15, 26) if long else (20, 9, 17)
    if len(frame) < p + 2 + count or not frame[p]:
        return 0
    p += 1
    if frame[p + role] == 2:
        return 2
    return int(frame[p : p + 7] == nid and frame[p + count] > 0)


def nid_of(nmk):
    """NID of an NMK: five times SHA-256, seven bytes, the last one shifted; security level 0."""
    from hashlib import sha256

    for _ in range(5):
        nmk = sha256(nmk).digest()
    return nmk[:6] + bytes((nmk[6] >> 4,))
