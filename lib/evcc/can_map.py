# SPDX-License-Identifier: MIT
"""The vehicle's CAN signals: a text file of one line each, and how a signal lies in its frames.

    # way name        frame  place     scale     range     ms
    in  pack_voltage  0x351  0|16@1+   (0.1,0)   [0|1000]  500
    in  soc           0x355  7|16@0+   (1,0)     [0|100]   1000  when 16|8@1+ = 3
    out inlet_voltage 0x7A0  0|16@1+   (0.1,0)   [0|1000]  100

Place, scale and range are written as in a DBC file: start bit | length @ order (1 Intel; 0
Motorola, whose start is the most significant bit) and sign; (factor, offset); [least | most].
`ms`: a signal that comes is stale after it; one that goes is sent that often. `when`: the line
holds only in frames whose selector has that value (multiplexing). A frame with `x` behind its
number has 29 bits. vehicle_can.py says which names there are; tools.can makes such a file from a
DBC.
"""

from evcc.can_port import EXTENDED, text


class MapError(ValueError):
    """A line that must not be used; str() says file, line and reason."""


class Place:
    """Where an integer lies in 8 bytes. `bytes_`: how many a frame must have for it."""

    def __init__(self, word):
        start, _, rest = word.partition("|")
        length, _, rest = rest.partition("@")
        start, self.length = int(start), int(length)
        if len(rest) != 2 or rest[0] not in "01" or rest[1] not in "+-":
            raise ValueError("'%s' is no place like 0|16@1+" % word)
        self.order = "little" if rest[0] == "1" else "big"
        self.signed = rest[1] == "-"
        if not 0 <= start < 64 or not 1 <= self.length <= 64:
            raise ValueError("'%s' is not within 8 bytes" % word)
        if self.order == "little":
            self.shift = start
            last = start + self.length - 1
        else:  # bits count from the top of each byte downwards, through the bytes
            last = start // 8 * 8 + 7 - start % 8 + self.length - 1
            self.shift = 63 - last
        if last > 63:
            raise ValueError("'%s' is not within 8 bytes" % word)
        self.bytes_ = last // 8 + 1
        self._mask = (1 << self.length) - 1

    def get(self, data):
        """The integer in `data`, 8 bytes."""
        raw = int.from_bytes(data, self.order) >> self.shift & self._mask
        if self.signed and raw >> self.length - 1:
            raw -= 1 << self.length
        return raw

    def put(self, data, raw):
        """`raw` into `data`, a bytearray of 8 whose bits are 0 there. Saturates."""
        low, high = 0, self._mask
        if self.signed:
            high >>= 1
            low = -high - 1
        raw = min(max(raw, low), high) & self._mask
        for i, byte in enumerate((raw << self.shift).to_bytes(8, self.order)):
            data[i] |= byte


class Signal:
    """One line. `value`: in SI units, None before the first good frame; `seen`: ms of the last.

    `bad`: None, or the last value out of its range since the last good one.
    """

    def __init__(self, name, identifier, place, factor, offset, least, most, ms):
        self.name = name
        self.identifier = identifier
        self.place = place
        self.factor = factor
        self.offset = offset
        self.least = least
        self.most = most
        self.ms = ms
        self.selector = None  # (Place, value)
        self.value = self.seen = self.bad = None

    def take(self, data, length, now):
        """A frame came. A value out of its range is not taken: it lets the signal grow stale."""
        if length < self.place.bytes_:
            return
        if self.selector and self.selector[0].get(data) != self.selector[1]:
            return
        value = self.place.get(data) * self.factor + self.offset
        if self.least <= value <= self.most:
            self.value = value
            self.seen = now
            self.bad = None
        else:
            self.bad = value

    def give(self, data, value):
        """`value` into a frame, within its range; None: nothing, zero bits."""
        if value is not None:
            value = min(max(value, self.least), self.most)
            self.place.put(data, round((value - self.offset) / self.factor))

    def stale(self, now):
        """None, or the text why its value must not be used."""
        if self.value is not None and now - self.seen <= self.ms:
            return None
        if self.bad is not None:
            return "%s: %s is outside %s..%s" % (self.name, self.bad, self.least, self.most)
        never = "never came" if self.value is None else "stopped coming"
        return "%s: CAN frame %s %s" % (self.name, text(self.identifier), never)


def _pair(word, brackets, between):
    if word[:1] != brackets[0] or word[-1:] != brackets[1] or between not in word:
        raise ValueError(
            "'%s' is no pair like %s0%s1%s" % (word, brackets[0], between, brackets[1])
        )
    low, _, high = word[1:-1].partition(between)
    return float(low), float(high)


def _line(words, names):
    if len(words) not in (7, 11):
        raise ValueError("7 words wanted (or 11 with 'when'), found %d" % len(words))
    way, name, frame, place, scale, limits, ms = words[:7]
    if way not in ("in", "out"):
        raise ValueError("'%s' is neither in nor out" % way)
    if name not in names[way]:
        raise ValueError("no signal '%s' %s; there are %s" % (name, way, " ".join(names[way])))
    extended = frame[-1:] == "x"
    identifier = int(frame[:-1] if extended else frame, 0)
    if not 0 <= identifier <= (0x1FFFFFFF if extended else 0x7FF):
        raise ValueError("%s is no identifier (29 bits need an x behind)" % frame)
    if extended:
        identifier |= EXTENDED
    factor, offset = _pair(scale, "()", ",")
    least, most = _pair(limits, "[]", "|")
    if not factor:
        raise ValueError("a factor of 0")
    if not least < most:
        raise ValueError("an empty range %s" % limits)
    if not 10 <= int(ms) <= 60000:
        raise ValueError("%s ms is outside 10..60000" % ms)
    signal = Signal(name, identifier, Place(place), factor, offset, least, most, int(ms))
    if words[7:]:
        if words[7] != "when" or words[9] != "=" or way == "out":
            raise ValueError("'when PLACE = VALUE' wanted behind a line of way in")
        signal.selector = Place(words[8]), int(words[10], 0)
    return way, signal


def load(lines, names, source="vehicle_can.txt"):
    """({"in": [Signal], "out": [Signal]}) of an iterable of text lines.

    `names`: {"in": names, "out": names} that are understood. Raises MapError.
    """
    found = {"in": [], "out": []}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            way, signal = _line(words, names)
            for other in found[way]:
                if other.name == signal.name and way == "in":
                    raise ValueError("%s: comes twice" % signal.name)
                if way == "out" and other.identifier == signal.identifier:
                    if other.ms != signal.ms:
                        raise ValueError("frame %s goes at two rates" % text(signal.identifier))
            found[way].append(signal)
        except ValueError as error:
            raise MapError("%s line %d: %s" % (source, number, error)) from None
    return found
