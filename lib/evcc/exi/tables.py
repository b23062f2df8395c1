# SPDX-License-Identifier: MIT
"""The slot tables and the name pool: loading them, a set at a time, and reading records.

`_t_<chunk>.py` hold the tables as bytes (format: tools/exi/compiler/layout.py), made from the
XSDs; frozen, or in a .mpy on ROMFS, they stay in flash. Names and enumeration texts lie in
names.bin beside this file (or, where a build has no such file, in `_names.py` as DATA) and become
strings when first used. Nothing else here opens a file.
"""

from evcc.compat import const

_PAGES = const(32)  # of 64 records of 4 bytes
_WORDS = const(48)  # words that names are made of, beside characters: tools/exi/compiler/names.py


class EXIError(ValueError):
    """A message or a stream that the schema does not allow; str() starts with the path."""

    def __init__(self, why, path=None):
        super().__init__(why)
        self.why = why
        self.path = path

    def __str__(self):
        return self.why if self.path is None else self.path + ": " + self.why


tabs = [None] * _PAGES  # page -> table it lies in
base = [0] * _PAGES  # page -> number of that table's first record
names = []  # number -> str, None when not read yet
_sets = {}  # schema -> (roots, fragments)
_pool = None
_words = None  # where each begins, one byte each, and their text
_room = None  # where 8 names of a pool in a file are read into: no piece of heap for each name
_fast = None  # the viper kernels


def _chunk(name):
    module = __import__("evcc.exi._t_" + name, None, None, ("T",))
    page = module.PAGE
    if tabs[page] is None:
        for i in range(page, page + (len(module.T) + 255) // 256):
            tabs[i] = module.T
            base[i] = page << 6
        if _fast:
            _fast.addresses(tabs, base)
    if len(names) < module.NAMES:
        names.extend([None] * (module.NAMES - len(names)))
    return module


def load(schema):
    """A set: (roots, fragments, width of a root's code, {code or name: root}).

    Loads its tables at first. EXIError when this build has none.
    """
    found = _sets.get(schema)
    if found is None:
        module = _chunk("base")
        try:
            if schema not in ("sap", "xmldsig"):
                module = _chunk(schema)
            at = module.SETS.index(schema)
            roots, fragments = module.SETS[at + 1 : at + 3]
            found = roots, fragments, width(len(roots) // 2), {}
        except (ImportError, ValueError):
            raise EXIError("no tables for schema %r in this build" % (schema,)) from None
        _sets[schema] = found
    return found


def slot(number):
    """Of a slot: (flags, number of its name, its type's record, index of its occurrence)."""
    tab = tabs[number >> 6]
    i = (number - base[number >> 6]) * 4
    last = tab[i + 3]
    return tab[i], tab[i + 1] | (tab[i] & 0xC0) << 2, tab[i + 2] | (last & 7) << 8, last >> 3


def root(found, code):
    """[name, record, simple, code, slot, room for the plain codec] of global element `code` of a
    loaded set, or None."""
    made = found[3].get(code)
    if made is None and 2 * code < len(found[0]):
        number = found[0][2 * code] | found[0][2 * code + 1] << 8
        flags, key, record, _ = slot(number)
        made = found[3][code] = [name(key), record, flags & 16, code, number, None]
    return made


def _open():
    try:
        f = open(__file__[: __file__.rfind("tables.")] + "names.bin", "rb")
        try:
            return memoryview(f)  # ROMFS: the flash itself
        except TypeError:
            return f
    except OSError:
        from evcc.exi._names import DATA

        return DATA


def _begin():
    global _pool, _room, _words
    _pool = head = _open()
    _room = None
    if hasattr(_pool, "seek"):
        _room = bytearray(160)
        head = _pool.read(_WORDS + 256)
    _words = bytes(head[: _WORDS + 1 + head[_WORDS]])


def text(i):
    """Name or text i as a fresh string, not kept."""
    if _pool is None:
        _begin()
    pool, raw, words = _pool, _room, _words
    at = len(words) + (i >> 3) * 2
    if raw:
        pool.seek(at)
        pool.readinto(raw)
        pool.seek(raw[0] | raw[1] << 8)
        pool.readinto(raw)
        at = 0
    else:
        raw, at = pool, pool[at] | pool[at + 1] << 8
    i &= 7
    end = at
    while True:
        if raw[end] & 0x80:
            if not i:
                break
            i -= 1
            at = end + 1
        end += 1
    found = ""
    for c in bytes(raw[at : end + 1]):
        c &= 0x7F
        if c < _WORDS:
            at = _WORDS + 1
            found += str(words[at + words[c] : at + words[c + 1]], "ascii")
        else:
            found += chr(c)
    return found


def index(first, n, v):
    """The number of enumeration text v."""
    for i in range(n):
        if names[first + i] == v:
            return i
    for i in range(n):
        if names[first + i] is None and text(first + i) == v:
            name(first + i)
            return i
    raise EXIError("%r is not one of %s" % (v, ", ".join(text(first + i) for i in range(n))))


def width(n):
    """Bits that hold n: int.bit_length, which MicroPython has not."""
    w = 0
    while n:
        n >>= 1
        w += 1
    return w


def name(i):
    """Name or text i, kept for the next time.

    Not interned: hundreds of names more make MicroPython's table of names grow by 9 kB at once.
    """
    found = names[i]
    if found is None:
        found = names[i] = text(i)
    return found


def drop():
    """Forget names and roots read so far: what follows reads its own, which come to lie together.

    Not names 0 and 1, a RationalNumber's, which the kernels do not ask for again.
    """
    for found in _sets.values():
        found[3].clear()
    for i in range(2, len(names)):
        names[i] = None


def find(schema, wanted):
    """The root, as of `root`, of a global element by its name."""
    found = load(schema)
    made = found[3].get(wanted)
    if made is None:
        roots = found[0]
        low, high = 0, len(roots) // 2
        while made is None:  # they are sorted
            if low == high:
                raise EXIError("no message of " + schema, wanted)
            at = (low + high) // 2
            key = text(slot(roots[2 * at] | roots[2 * at + 1] << 8)[1])
            if key == wanted:
                made = found[3][wanted] = root(found, at)
            elif key < wanted:
                low = at + 1
            else:
                high = at
    return made


def kernel():
    """(decode, encode, state) of the viper kernels, or None where they cannot be."""
    global _fast
    try:
        from evcc.exi import _fast_codec as fast
        from evcc.exi._fast_decode import decode
        from evcc.exi._fast_encode import encode
    except (ImportError, SyntaxError, ValueError):  # ValueError: a .mpy for another machine
        return None
    load("sap")
    _fast = fast
    return decode, encode, fast.state(tabs, base, names, name, index)
