# SPDX-License-Identifier: MIT
"""Frame port on a real network interface: AF_PACKET socket, Linux only, needs CAP_NET_RAW.

Looks like the modem driver (poll, receive, send, ready, restarts, counters, next_poll), plus
`fileno()` for select. Takes everything the interface hears, our own frames excepted (the kernel
shows them as outgoing; by source MAC where a bridge sends them back). Offloads are the set-up's
business: on a veth pair switch them off, or the peer's checksums are not there yet.

    link = RawLink("eth0", mac)
    host = Host(mac, link.send, os.urandom)
"""

import errno
import fcntl
import socket

_OUTGOING = 4  # PACKET_OUTGOING
_ETH_P_ALL = 3
_QUEUE = 256  # frames of one poll


class LinkError(Exception):
    """str(): what is wrong with which interface, and what to do."""


class RawLink:
    """ethertypes: None for all, or those wanted; `restarts` counts the times the interface came up
    (again).
    """

    def __init__(self, interface, mac=None, ethertypes=None):
        self.interface = interface
        self.mac = bytes(mac) if mac else None
        self.ethertypes = ethertypes
        self.restarts = 0
        self.ready = False
        self.counters = {"rx": 0, "tx": 0, "tx_refused": 0, "rx_dropped": 0, "down": 0}
        self._frames = []
        self._at = 0
        if not hasattr(socket, "AF_PACKET"):
            raise LinkError("raw Ethernet frames need Linux (AF_PACKET): use the emulation here")
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL)
            )
        except PermissionError:
            raise LinkError(
                f"no permission for raw frames on {interface}: run with sudo, or give Python "
                "CAP_NET_RAW (sudo setcap cap_net_raw+ep $(readlink -f $(which python3)))"
            ) from None
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self._socket.bind((interface, _ETH_P_ALL))
            index = socket.if_nametoindex(interface)
            # all multicast: the groups of our MAC are not the kernel's
            self._socket.setsockopt(263, 1, index.to_bytes(4, "little") + b"\2\0" + bytes(10))
            self._socket.setsockopt(263, 1, index.to_bytes(4, "little") + b"\1\0" + bytes(10))
        except OSError as e:
            self._socket.close()
            if e.errno in (errno.ENODEV, errno.ENXIO):
                names = ", ".join(name for _, name in socket.if_nameindex())
                raise LinkError(f"no interface {interface}; there are: {names}") from None
            if e.errno == errno.EINVAL:
                raise LinkError(f"interface {interface} is no Ethernet interface") from None
            raise LinkError(f"interface {interface}: {e.strerror}") from None
        self._look()

    def _look(self):
        """Is the interface up? Counts a restart each time it came up."""
        # SIOCGIFFLAGS, not /sys: that shows another network namespace's interfaces
        request = self.interface.encode()[:15].ljust(40, b"\0")
        try:
            up = fcntl.ioctl(self._socket, 0x8913, request)[16] & 1
        except OSError:
            up = False
        if up and not self.ready:
            self.restarts += 1
        self.ready = bool(up)

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def poll(self, now):
        """Takes waiting frames out of the socket, 256 at most."""
        del self._frames[: self._at]
        self._at = 0
        while len(self._frames) < _QUEUE:
            try:
                frame, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                if not self.ready:
                    self._look()
                return
            except OSError:  # interface went down or away
                self.counters["down"] += 1
                self.ready = False
                self._look()
                return
            if address[2] == _OUTGOING or frame[6:12] == self.mac:
                continue
            if len(frame) > 1518 or len(frame) < 14:
                self.counters["rx_dropped"] += 1
            elif self.ethertypes is None or frame[12] << 8 | frame[13] in self.ethertypes:
                self._frames.append(frame)

    def receive(self):
        """The next frame as memoryview, or None."""
        if self._at >= len(self._frames):
            return None
        self._at += 1
        self.counters["rx"] += 1
        return memoryview(self._frames[self._at - 1])

    def send(self, frame):
        """Pads to 60 bytes; False if the interface does not take it now."""
        if len(frame) < 60:
            frame = bytes(frame).ljust(60, b"\0")
        try:
            self._socket.send(frame)
        except OSError as e:
            if e.errno in (errno.ENETDOWN, errno.ENXIO, errno.ENODEV):
                self.ready = False
            self.counters["tx_refused"] += 1
            return False
        self.counters["tx"] += 1
        return True

    def next_poll(self, now):
        return now + 20
