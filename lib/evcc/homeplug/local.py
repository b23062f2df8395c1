# SPDX-License-Identifier: MIT
"""Questions to the modem on this board that a session does not need: version, PIB.

Qualcomm vendor messages (VS_*, MMV 0, OUI 00:B0:52), as open-plc-utils writes and reads them
(plc/, mme/). For the self-test; what only people and tools ask is in diagnose.py. Nothing here
writes a PIB or firmware, since an interrupted write leaves a dead modem.
"""

from evcc.homeplug import LOCAL, begin

PIB_CCO = 0x00F4  # 1 never coordinator (car), 2 always (station)
PIB_SLAC = 0x1653  # 1 PEV, 2 EVSE


def get_sw_req(buf, mac):
    """VS_SW_VER.REQ: firmware version, please."""
    return begin(buf, LOCAL, mac, 0xA000)


def get_sw(frame):
    """(device class, version text) of VS_SW_VER.CNF, or None. Text starts MAC- or BootLoader."""
    if len(frame) < 24 or frame[20]:
        return None
    text = bytes(frame[23 : 23 + frame[22]]).split(b"\0")[0]
    return frame[21], "".join([chr(c) for c in text if 32 <= c < 127])


def module_read_req(buf, mac, offset, n, module=0x7002):
    """VS_MODULE_OPERATION.REQ: read `n` (at most 1400) bytes of a module, by default the PIB."""
    begin(buf, LOCAL, mac, 0xA0B0)
    buf[24] = 1  # operations
    buf[27] = 18  # bytes of this one, operation 0: read from memory
    buf[33] = module & 255
    buf[34] = module >> 8
    buf[37] = n & 255
    buf[38] = n >> 8
    for i in range(4):
        buf[39 + i] = offset >> 8 * i & 255
    return 60


def module_read(frame):
    """(offset, data) of a VS_MODULE_OPERATION.CNF for a read, or None: refused, cut or other."""
    if len(frame) < 48 or frame[20] or frame[21] or frame[29] > 1 or frame[30]:
        return None
    n = frame[41] | frame[42] << 8
    if len(frame) < 47 + n:
        return None
    return int.from_bytes(bytes(frame[43:47]), "little"), bytes(frame[47 : 47 + n])
