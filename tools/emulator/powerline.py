# SPDX-License-Identifier: MIT
"""The power line between modems: who hears whom, how loud, and what goes wrong on the way.

A shared medium as HomePlug Green PHY has it: management messages (0x88E1) reach every modem in
reach; everything else only modems that are in the same network (see `tools.emulator.modem`). Each
path has its own attenuation; cross-talk between the cables of one pole is a path with more of it.
Faults are probabilities per delivery, drawn from the world's seed, or a filter of the test's own.
"""

NO_PATH = None


class PowerLine:
    """All modems of one place. Frames are delivered `delay_ms` (lowest, highest) after sending.

    `loss`, `duplicate`, `reorder` (0 to 1) hold per delivery; a reordered frame is held back for
    `reorder_ms`. `drop(frame, sender, receiver) -> bool` decides alone on top of that. `on_frame`,
    if set, is called with `(frame, now)` once per frame on the line. Without `reorder` the frames
    of one sender stay in order.
    """

    def __init__(self, world, seed=None, attenuation_dB=15.0):
        self.world = world
        self.rng = world.rng_for("powerline" if seed is None else f"powerline/{seed}")
        self.attenuation_dB = attenuation_dB
        self.ripple_dB = 3.0
        self.delay_ms = (2, 4)
        self.loss = self.duplicate = self.reorder = 0.0
        self.reorder_ms = (5, 30)
        self.drop = None
        self.modems = []
        self.on_frame = None
        self.counters = {"sent": 0, "lost": 0, "duplicated": 0, "reordered": 0}
        self._paths = {}
        self._last = {}

    def attach(self, modem):
        """Put a modem on the line; it gets `hear(frame, sender, attenuation)`. Returns it."""
        self.modems.append(modem)
        modem.line = self
        self.changed()
        return modem

    def detach(self, modem):
        """Cable out: the modem hears nothing any more and leaves its network."""
        self.modems.remove(modem)
        modem.line = None
        modem.look_around()
        self.changed()

    def attenuate(self, a, b, dB):
        """Set the attenuation between two modems, both ways; None: they do not hear each other."""
        self._paths[frozenset((a.mac, b.mac))] = dB
        self.changed()

    def attenuation(self, a, b):
        """dB between two modems on the line, None without a path."""
        return self._paths.get(frozenset((a.mac, b.mac)), self.attenuation_dB)

    def in_reach(self, modem):
        return [
            m for m in self.modems if m is not modem and self.attenuation(m, modem) is not None
        ]

    def changed(self):
        """Some modem came, went or has a new key: each one looks for its network again."""
        for m in list(self.modems):
            m.look_around()

    def profile(self, a, b, groups=58):
        """Attenuation per carrier group (whole dB) of one sound on its way from `a` to `b`."""
        dB, rng = self.attenuation(a, b), self.rng
        return bytes(
            max(0, min(127, round(dB + self.ripple_dB * rng.uniform(-1, 1))))
            for _ in range(groups)
        )

    def transmit(self, sender, frame):
        """A modem puts one frame (bytes) on the line."""
        self.counters["sent"] += 1
        if self.on_frame is not None:
            self.on_frame(frame, self.world.now)
        for receiver in self.in_reach(sender):
            if self.drop is not None and self.drop(frame, sender, receiver):
                self.counters["lost"] += 1
                continue
            copies = 1
            if self.duplicate and self.rng.random() < self.duplicate:
                self.counters["duplicated"] += 1
                copies = 2
            for _ in range(copies):
                self._deliver(frame, sender, receiver)

    def _deliver(self, frame, sender, receiver):
        if self.loss and self.rng.random() < self.loss:
            self.counters["lost"] += 1
            return
        when = self.world.now + self.rng.randint(*self.delay_ms)
        if self.reorder and self.rng.random() < self.reorder:
            self.counters["reordered"] += 1
            when += self.rng.randint(*self.reorder_ms)
        else:
            path = sender.mac, receiver.mac
            when = self._last[path] = max(when, self._last.get(path, 0))
        self.world.at(when, self._arrive, frame, sender, receiver)

    def _arrive(self, frame, sender, receiver):
        if receiver.line is self and sender.line is self:
            receiver.hear(frame, sender)
