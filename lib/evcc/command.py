# SPDX-License-Identifier: MIT
"""One line of the console: `name(value, key=value)` as a call of evcc.repl, and nothing else.

Values are numbers, texts in quotes, true and false (as in settings.toml, or as Python has them).
Loaded with the first line that somebody types.
"""


def run(line):
    """What the command of this line says; never raises."""
    from evcc import repl

    name, paren, rest = line.strip().partition("(")
    name, rest = name.strip(), rest.strip()
    if name not in repl.COMMANDS or not paren or not rest.endswith(")"):
        return "commands: " + " ".join([n + "()" for n in repl.COMMANDS])
    try:
        places, keys = arguments(rest[:-1])
        result = getattr(repl, name)(*places, **keys)
    except Exception as error:
        return "%s: %s" % (name, error)
    return "" if result is None else str(result)


def arguments(text):
    """(list, dict) of `1, "a", key=2.5`. Raises ValueError."""
    places, keys = [], {}
    rest = text.strip()
    while rest:
        name = None
        if rest[0] not in "\"'":
            head, equals, tail = rest.partition("=")
            if equals and "," not in head and '"' not in head and "'" not in head:
                name, rest = head.strip(), tail.strip()
        found, rest = value(rest)
        if name:
            keys[name] = found
        else:
            places.append(found)
        if rest:
            if rest[0] != ",":
                raise ValueError("comma wanted before %s" % rest)
            rest = rest[1:].strip()
    return places, keys


def value(text):
    """One value and what follows it."""
    if not text:
        raise ValueError("a value is missing")
    if text[0] in "\"'":
        end = text.find(text[0], 1)
        if end < 0:
            raise ValueError("text without closing quote")
        return text[1:end], text[end + 1 :].strip()
    word, comma, rest = text.partition(",")
    word = word.strip()
    if word.lower() in ("true", "false", "none"):
        return {"t": True, "f": False, "n": None}[word[0].lower()], comma + rest
    for kind in (int, float):
        try:
            return kind(word), comma + rest
        except ValueError:
            continue
    raise ValueError("'%s' is no number, text, true or false" % word)
