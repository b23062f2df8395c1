# SPDX-License-Identifier: MIT
"""The emulated power line: reach, order, loss, duplicates, reordering, all by the seed."""

from tools.emulator.powerline import PowerLine
from tools.emulator.world import World


class Node:
    """The least that a line takes: a MAC and ears."""

    def __init__(self, world, number):
        self.world, self.mac, self.line, self.heard = world, bytes((number,)), None, []

    def hear(self, frame, sender):
        self.heard.append((self.world.now, frame, sender.mac))

    def look_around(self):
        pass


def place(seed=1, nodes=3, **settings):
    world = World(seed)
    line = PowerLine(world)
    for name, value in settings.items():
        setattr(line, name, value)
    return world, line, [line.attach(Node(world, i)) for i in range(nodes)]


def send(world, line, node, n=200):
    for i in range(n):
        world.run(world.now + 10)
        line.transmit(node, i.to_bytes(2, "big"))
    world.run(world.now + 100)


def test_everybody_in_reach_hears_in_order():
    world, line, (a, b, c) = place()
    line.attenuate(a, c, None)
    seen = []
    line.on_frame = lambda frame, now: seen.append((now, frame))
    send(world, line, a)
    assert [f for _, f, _ in b.heard] == [f for _, f in seen] and len(seen) == 200
    assert {t - s for (t, _, _), (s, _) in zip(b.heard, seen, strict=True)} == {2, 3, 4}
    assert c.heard == [] == a.heard


def test_loss_and_duplicates():
    world, line, (a, b, c) = place(loss=0.1, duplicate=0.1)
    send(world, line, a, 2000)
    got = [f for _, f, _ in b.heard]
    assert 1720 < len(set(got)) < 1880 + 100 and 100 < len(got) - len(set(got)) < 260
    assert got == sorted(got)
    assert got != [f for _, f, _ in c.heard]  # each path has its own luck


def test_reordering():
    world, line, (a, b) = place(nodes=2, reorder=0.2)
    send(world, line, a, 500)
    got = [f for _, f, _ in b.heard]
    assert sorted(set(got)) == sorted(got) and len(got) == 500 and got != sorted(got)
    assert line.counters["reordered"] > 50


def test_filter_of_a_test():
    world, line, (a, b, c) = place(drop=lambda frame, sender, receiver: frame == b"\0\1")
    send(world, line, a, 3)
    assert [f for _, f, _ in b.heard] == [b"\0\0", b"\0\2"]


def test_seed_decides():
    def run(seed):
        world, line, (a, b, _) = place(seed, loss=0.3, reorder=0.3)
        send(world, line, a, 100)
        return b.heard

    assert run(5) == run(5) != run(6)


def test_profile_follows_the_path():
    world, line, (a, b, c) = place()
    line.attenuate(a, b, 12)
    line.attenuate(a, c, 40)
    near, far = line.profile(a, b), line.profile(a, c)
    assert len(near) == len(far) == 58
    assert 9 <= min(near) <= max(near) <= 15 and 37 <= min(far) <= max(far) <= 43


def test_frames_on_the_way_when_the_cable_is_pulled():
    world, line, (a, b, _) = place()
    line.transmit(a, b"x")
    line.detach(b)
    world.run(50)
    assert b.heard == []
