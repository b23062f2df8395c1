# SPDX-License-Identifier: MIT
"""Emulated Green PHY modems: the firmware's side of keys, networks and management messages.

`Firmware` is what both kinds share: answers to local messages (GET_SW, SET_KEY, GET_KEY, link and
network information, reading the PIB), membership in a network by key, attenuation profiles of
heard sounds, and bridging. `StationModem` is that with plain `send(frame)` / `on_receive(frame)`;
`Modem` (tools.emulator.modem_spi) puts a QCA7000's SPI slave in front. Layouts as open-plc-utils
and captures show them; nothing is imported from the device code, so that an error there shows.
"""

import struct

LOCAL = bytes.fromhex("00b052000001")
OUI = bytes.fromhex("00b052")
MME = b"\x88\xe1"
PIB_BYTES = 9040
EVSE_ROLE, PEV_ROLE = 2, 1


def pad(frame):
    """Ethernet's shortest frame is 60 bytes without FCS."""
    return frame if len(frame) >= 60 else frame + bytes(60 - len(frame))


class Firmware:
    """One modem's firmware. `mac` is the modem's own, never the host's.

    role: PIB role, `PEV_ROLE` or `EVSE_ROLE` (that one is coordinator as soon as it has a key).
    Knobs, all changeable at any time: `join_ms` from key (or coordinator heard) to network,
    `link_ms` more until VS_PL_LNK_STATUS tells, `answer_ms` of local messages, `key_result` of
    SET_KEY.CNF (1 means taken here), `mute` (no local answer at all: asleep), `mute_types` (of
    those), `doze_ms` (a car's modem that heard no coordinator for so long is mute until it hears
    one, as a QCA7005 after 30 s; None: never), `version`.
    """

    def __init__(self, world, mac, role=PEV_ROLE, nmk=None):
        self.world = world
        self.mac = bytes(mac)
        self.role = role
        self.line = None
        self.up = True
        self.nmk = nmk
        self.nid = bytes(7)
        self.join_ms = 1500
        self.link_ms = 0
        self.answer_ms = 2
        self.key_ms = 15
        self.key_result = 1
        self.mute = False
        self.mute_types = ()
        self.doze_ms = None
        self._alone_since = world.now
        self.version = "MAC-QCA7005-EMULATED-1.0"
        self.device_class = 0x22
        self.pib = bytearray(PIB_BYTES)
        self.pib[0xF4] = self.pib[0x1653] = role
        self.pib[0x74:0x78] = b"EVSE" if role == EVSE_ROLE else b"PEV\0"
        self.chatter = False  # also send the undocumented 0xA14E per sound
        self.hosts = set()  # source addresses our host has used
        self.keys_set = 0
        self.counters = {}
        self._joined_at = None
        self._members = ()

    # ---- to be provided ---------------------------------------------------------------------

    def to_host(self, frame):
        """One frame for the host."""
        raise NotImplementedError

    # ---- network ----------------------------------------------------------------------------

    @property
    def coordinator(self):
        return self.up and self.line is not None and self.role == EVSE_ROLE and bool(self.nmk)

    @property
    def joined(self):
        """In a network with someone else in it."""
        return bool(self.members())

    def members(self):
        """The other modems of our network, as far as they and we have joined."""
        if not (self.up and self.line is not None and self._has_joined()):
            return []
        return [m for m in self.line.in_reach(self) if m.nmk == self.nmk and m._has_joined()]

    def _has_joined(self):
        return self.up and self._joined_at is not None and self.world.now >= self._joined_at

    def look_around(self):
        """Key or surroundings changed: is there a coordinator with our key? Then join it later."""
        if self.hears_coordinator():
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = self.world.now
        if self.coordinator:
            self._joined_at = self._joined_at or self.world.now
            return
        found = (
            self.up
            and self.line is not None
            and bool(self.nmk)
            and any(m.coordinator and m.nmk == self.nmk for m in self.line.in_reach(self))
        )
        if not found:
            self._joined_at = None
        elif self._joined_at is None:
            self._joined_at = self.world.now + self.join_ms

    def dozing(self):
        """Silent to its own host too, for want of a coordinator."""
        alone = (
            self.doze_ms is not None and self.role == PEV_ROLE and self._alone_since is not None
        )
        return alone and self.world.now - self._alone_since >= self.doze_ms

    def hears_coordinator(self):
        return self.line is not None and any(m.coordinator for m in self.line.in_reach(self))

    def set_key(self, nid, nmk):
        """Take a network key; the old network is left."""
        if nmk != self.nmk:
            self._joined_at = None
        self.nid, self.nmk = bytes(nid), bytes(nmk)
        self.keys_set += 1
        if self.line is not None:
            self.line.changed()

    # ---- frames -----------------------------------------------------------------------------

    def from_host(self, frame):
        """The host sends a frame (bytes): answer it here, put it on the line, or both."""
        frame = bytes(frame)
        if not self.up or len(frame) < 14:
            return
        if not frame[6] & 1:
            self.hosts.add(frame[6:12])
        mme = frame[12:14] == MME
        local = frame[0:6] == LOCAL or frame[0:6] == self.mac
        if mme and (local or frame[0] & 1):
            self._answer(frame, frame[6:12], self._later)
        if local or self.line is None:
            return
        if self.role == PEV_ROLE and not self.hears_coordinator():
            self.count("silent")  # a car's modem does not speak before it hears a beacon
        elif mme or self._has_joined():
            self.line.transmit(self, frame)
        else:
            self.count("no_network")

    def hear(self, frame, sender):
        """A frame arrives from the line."""
        if not self.up:
            return
        if frame[12:14] == MME:
            kind = frame[15] | frame[16] << 8
            if kind == 0x6076 and self.role == EVSE_ROLE:
                self._profile(frame, sender)
            if frame[0] & 1 or frame[0:6] == self.mac:
                in_net = sender in self.members()
                if in_net and kind in (0x600C, 0xA000):
                    self._answer(frame, frame[6:12], self._onto_line)
                if frame[0:6] == self.mac:
                    return
            self.to_host(frame)
        elif sender in self.members() and (frame[0] & 1 or frame[0:6] in self.hosts):
            self.to_host(frame)

    def _profile(self, frame, sender):
        """CM_ATTEN_PROFILE.IND to our host for one sound heard."""
        aag = self.line.profile(sender, self)
        head = b"\xff" * 6 + self.mac + MME
        body = frame[6:12] + bytes((len(aag), 0)) + aag
        self._later(head + b"\x01\x86\x60\0\0" + body, 1)
        if self.chatter:
            body = frame[6:12] + bytes((len(aag), 0, 0x10)) + bytes(7) + aag
            self._onto_line(head + b"\x00\x4e\xa1" + OUI + body)

    def _answer(self, frame, to, out):
        if self.mute or self.dozing() or len(frame) < 60:
            return
        kind = frame[15] | frame[16] << 8
        if kind in self.mute_types:
            return
        head = bytes(to) + self.mac + MME
        if frame[14] == 1 and kind == 0x6008:
            nonce = struct.pack("<I", 0x32AF0000 + self.keys_set)
            result = self.key_result
            if result and frame[19] == 1:
                self.set_key(frame[33:40], frame[41:57])
            body = bytes((result,)) + nonce + frame[20:24] + b"\x04\0\0\xff\0"
            out(head + b"\x01\x09\x60\0\0" + body, self.key_ms)
        elif frame[14] == 1 and kind == 0x600C:
            own = out == self._later
            body = bytes((0 if own else 1, 1)) + bytes(8) + self.nid + b"\x01\x04\0\0\0"
            out(head + b"\x01\x0d\x60\0\0" + body + (self.nmk if own and self.nmk else bytes(16)))
        elif frame[14] == 0 and frame[17:20] == OUI:
            body = self._vendor(kind, frame)
            if body is not None:
                out(head + b"\0" + struct.pack("<H", kind | 1) + OUI + body)

    def _vendor(self, kind, frame):
        if kind == 0xA000:
            text = self.version.encode() + b"\0"
            body = bytes((0, self.device_class, len(text))) + text
            return body + b"\xcc" * (297 - 20 - len(body))  # left-over memory, as real ones have
        if kind == 0xA0B8:
            late = self._joined_at is not None and self.world.now < self._joined_at + self.link_ms
            return bytes((0, int(self.joined and not late)))
        if kind == 0xA038:
            return self._network_info()
        if kind == 0xA0B0:
            return self._module_read(frame)
        if kind == 0xA01C:
            self.world.after(1, self.reboot)
            return b"\0"
        return None

    def _network_info(self):
        if not self._has_joined():
            return b"\0"
        others = self.members()
        head = self.line.in_reach(self)
        cco = next((m for m in [self, *head] if m.coordinator and m.nmk == self.nmk), self)
        role = 2 if cco is self else 0
        info = b"\x01" + self.nid + bytes((1, 1 if cco is self else 2, role)) + cco.mac
        info += bytes((1, len(others)))
        for i, m in enumerate(others):
            bridged = sorted(m.hosts)[0] if m.hosts else bytes(6)
            info += m.mac + bytes((i + 2,)) + bridged + bytes((9, 8))
        return info

    def _module_read(self, frame):
        operation, _, _, module, sub, n, offset = struct.unpack_from("<HHIHHHI", frame, 25)
        echo = frame[20:25] + frame[25:43]
        if operation not in (0, 1) or module != 0x7002 or n > 1400:
            return struct.pack("<HH", 1, 0x10) + echo
        data = bytes(self.pib[offset : offset + n])
        echo = echo[:17] + struct.pack("<H", len(data)) + echo[19:]
        return struct.pack("<HH", 0, 0) + echo + data

    def reboot(self):
        """What VS_RS_DEV does; a modem with a host interface says more about it."""
        self._joined_at = None
        self.look_around()

    # ---- inside -----------------------------------------------------------------------------

    def count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1

    def _later(self, frame, ms=None):
        self.world.after(self.answer_ms if ms is None else ms, self._hand_over, pad(frame))

    def _hand_over(self, frame):
        if self.up:
            self.to_host(frame)

    def _onto_line(self, frame, ms=None):
        if self.line is not None:
            self.line.transmit(self, pad(frame))


class StationModem(Firmware):
    """The modem of a station, or of any host that needs no SPI: frames in and out as calls.

    `on_receive(frame)` is called for each frame for the host; `send(frame) -> bool` takes one.
    """

    def __init__(self, world, mac, role=EVSE_ROLE, nmk=None, on_receive=None):
        super().__init__(world, mac, role, nmk)
        self.on_receive = on_receive

    def send(self, frame):
        """One Ethernet frame from the host, padded to 60 here."""
        frame = bytes(frame)
        self.from_host(pad(frame))
        return True

    def to_host(self, frame):
        if self.on_receive is not None:
            self.on_receive(frame)


def __getattr__(name):
    if name == "Modem":
        from tools.emulator.modem_spi import Modem

        return Modem
    raise AttributeError(name)
