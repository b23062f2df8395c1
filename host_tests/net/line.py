# SPDX-License-Identifier: MIT
"""A line between our host and the simulated station's, in simulated time, with seeded troubles.

`Line(seed=1, loss=0.1)`; `line.run(ms, until=lambda: ...)`; `line.log` holds (time, "ev"/"se"
sender, frame). `line.filter(sender, frame, now)` may return False (drop), True, or a list of
frames to carry instead.
"""

import random

from evcc.net import Host

from tools.charger.net import StationHost

EV_MAC = bytes.fromhex("0200000e0e01")
SE_MAC = bytes.fromhex("0200005e5e02")
EV = bytes.fromhex("fe80000000000000000000fffe0e0e01")
SE = bytes.fromhex("fe80000000000000000000fffe5e5e02")


class Settings:
    def __init__(self, **values):
        self.__dict__.update(values)


class Line:
    def __init__(self, seed=1, loss=0.0, double=0.0, reorder=0.0, delay=3, **settings):
        self.random = random.Random(seed)
        self.loss, self.double, self.reorder, self.delay = loss, double, reorder, delay
        self.now = 1000
        self.queue, self.log, self.order = [], [], 0
        self.filter = None
        self.up = True
        self.asleep = set()
        rng = random.Random(seed + 1)
        self.ev = Host(EV_MAC, self._sender("ev"), rng.randbytes, Settings(**settings))
        self.se = StationHost(SE_MAC, self._sender("se"), rng.randbytes, Settings(net_dad=False))
        self.parts = {"ev": self.ev, "se": self.se}

    def _sender(self, name):
        def send(frame):
            if not self.up:
                return False
            frame = bytes(frame)
            self.log.append((self.now, name, frame))
            frames = [frame]
            if self.filter:
                answer = self.filter(name, frame, self.now)
                frames = answer if isinstance(answer, list) else [frame] if answer else []
            for f in frames:
                for _ in range(2 if self.random.random() < self.double else 1):
                    if self.random.random() >= self.loss:
                        late = 25 if self.random.random() < self.reorder else 0
                        self.put("se" if name == "ev" else "ev", f, self.delay + late)
            return True

        return send

    def put(self, to, frame, delay=0):
        self.order += 1
        self.queue.append((self.now + delay, self.order, to, frame))

    def start(self):
        self.ev.start(self.now)
        self.se.start(self.now)
        return self

    def ready(self):
        """Both ends have their addresses."""
        self.start()
        assert self.run(3000, lambda: self.ev.ready and self.se.ready)
        return self

    def run(self, ms, until=None):
        """Goes on for ms or until the condition holds; returns whether it does."""
        end = self.now + ms
        while True:
            due = [self.now + 20 if not self.up else end]
            for name, part in self.parts.items():
                if name not in self.asleep:
                    due.append(part.step(self.now))
            if until and until():
                return True
            if self.now >= end:
                return False
            due += [t for t, _, to, _ in self.queue if to not in self.asleep]
            self.now = max(self.now + (min(due) <= self.now), min(min(due), end))
            for item in sorted(i for i in self.queue if i[0] <= self.now):
                if item[2] not in self.asleep:
                    self.queue.remove(item)
                    self.parts[item[2]].feed(item[3], self.now)

    def connect(self, port=61851, known=True):
        """(our Tcp, the station's Conn), established."""
        conns = []
        self.se.listen(port, conns.append)
        if known:
            self.ev.learn(SE, SE_MAC, self.now)
        tcp = self.ev.connect(SE, port, self.now)
        assert self.run(8000, lambda: tcp.state == "ESTABLISHED" and conns), (tcp.state, tcp.error)
        return tcp, conns[0]


class Inbox(bytearray):
    """on_data target."""

    def __call__(self, data, now):
        self.extend(data)
