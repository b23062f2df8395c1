# SPDX-License-Identifier: MIT
"""What only tests and profiles ask of main.py; loaded when they do: else it would cost heap."""

import sys


def seeded(seed):
    """urandom that repeats, for tests only: SHA-256 over seed and counter."""
    from hashlib import sha256

    state = [0]

    def urandom(n):
        out = b""
        while len(out) < n:
            state[0] += 1
            out += sha256(b"%s %d" % (seed, state[0])).digest()
        return out[:n]

    return urandom


def mark(border, names):
    """Tell the border whenever one of these functions begins and ends: for profiles only."""

    def marked(call, number):
        begin, end = bytes((number, 1)), bytes((number, 0))

        def wrapped(*args, **more):
            border.ask(109, begin)  # m
            try:
                return call(*args, **more)
            finally:
                border.ask(109, end)

        return wrapped

    for number, name in enumerate(names):
        module, _, path = name.partition(":")
        __import__(module)
        owner = sys.modules[module]
        *classes, last = path.split(".")
        for part in classes:
            owner = getattr(owner, part)
        if hasattr(owner, last):
            setattr(owner, last, marked(getattr(owner, last), number))
        else:
            sys.stderr.write("L 30 main nothing to mark: %s\n" % name)


def report_modules(seen):
    """Where each module came from, once; and what is mounted."""
    for name in sys.modules:
        if name not in seen:
            seen.append(name)
            where = getattr(sys.modules[name], "__file__", "builtin")
            sys.stderr.write("M %s %s\n" % (name, where))
