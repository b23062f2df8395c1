# SPDX-License-Identifier: MIT
"""`python -m tools.exi`: look at EXI messages, write them, and convert many at once.

decode   hex or file in, JSON out        encode   JSON in, hex or file out
log      any text in: the messages in it, one per line
batch    JSON lines in, JSON lines out (fields: see tools/exi/convert.py)

Exit codes: 0 done; 1 the message or the JSON is at fault; 2 the command line or a file is.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from evcc import exi

from . import convert, detect, json_form

_MESSAGE_ERRORS = (exi.EXIError, json_form.FormError, detect.DetectError)
# Hex in a log: with a V2GTP header, or a bare EXI document (header byte 80); at least 4 bytes.
_LOG_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:01fe80|01fe81|80)(?:[0-9a-f]{2}){3,})", re.I)


class UsageError(Exception):
    """What was asked cannot be done: a file, an option."""


def main(argv=None):
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except UsageError as error:
        return _fail(error, 2)
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stdout = None
        return 0
    except OSError as error:
        return _fail("%s: %s" % (error.filename or "file", error.strerror), 2)
    except _MESSAGE_ERRORS as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130


def _fail(error, code):
    print("exi: %s" % error, file=sys.stderr)
    return code


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tools.exi",
        description="EXI messages of DIN 70121, ISO 15118-2 and ISO 15118-20 to JSON and back.",
        epilog='example: python -m tools.exi decode "01fe800100000004 80400040"',
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, run, text):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    command = add("decode", _decode, "one message: hex or file in, JSON out")
    command.add_argument("input", help="hex, a file (binary or hex text), or - for standard input")
    _add_set(command)
    command.add_argument("--compact", action="store_true", help="JSON on one line")

    command = add("encode", _encode, "one message: JSON in, hex or file out")
    command.add_argument("input", help='JSON {"root": {...}}, a file, or - for standard input')
    _add_set(command)
    command.add_argument("--v2gtp", action="store_true", help="put the V2GTP header in front")
    command.add_argument("-o", "--output", help="write the bytes into this file instead of hex")

    command = add("log", _log, "every message found as hex in a text, one JSON line each")
    command.add_argument("input", help="a text file, or - for standard input")
    _add_set(command, fragment=False)

    command = add("batch", _batch, "JSON lines in, JSON lines out")
    command.add_argument("input", nargs="?", default="-", help="default: standard input")
    command.add_argument("-o", "--output", help="default: standard output")
    return parser


def _add_set(command, fragment=True):
    names = ", ".join(detect.SETS)
    group = command.add_mutually_exclusive_group()
    group.add_argument("-s", "--schema", metavar="SET", help=names)
    group.add_argument(
        "-t", "--payload-type", metavar="N", help="V2GTP payload type (0x8001...) instead"
    )
    if fragment:
        command.add_argument(
            "-f",
            "--fragment",
            action="store_true",
            help="a fragment, as signatures digest it; --schema names its grammar (or xmldsig)",
        )


def _chosen(args):
    """(schema or None, payload type or None) of the command line. Raises UsageError."""
    fragment = getattr(args, "fragment", False)
    known = convert.GRAMMARS if fragment else detect.SETS
    if args.schema is not None and args.schema not in known:
        raise UsageError("--schema %s: must be one of %s" % (args.schema, ", ".join(known)))
    if fragment and args.schema is None:
        raise UsageError("--fragment needs --schema: one of %s" % ", ".join(known))
    kind = None
    if args.payload_type is not None:
        try:
            kind = int(args.payload_type, 0)
        except ValueError:
            raise UsageError("--payload-type %s: not a number" % args.payload_type) from None
        detect.sets_of(kind)
    return args.schema, kind


def _read(name):
    """The bytes of a file or of standard input (-)."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _is_file(text):
    try:
        return text == "-" or Path(text).is_file()
    except OSError:  # too long for a path: hex
        return False


def _bytes_of(text):
    """The message's bytes: from hex on the command line, a binary file or a file of hex."""
    if not _is_file(text):
        try:
            return convert.from_hex(text)
        except ValueError as error:
            raise UsageError("%r is no file, and %s" % (text[:40], error)) from None
    raw = _read(text)
    try:
        return convert.from_hex(raw.decode("ascii"))
    except ValueError:  # includes UnicodeDecodeError: binary then
        return raw


def _decode(args):
    schema, kind = _chosen(args)
    data, found = detect.split_header(_bytes_of(args.input))
    how = "as given"
    if schema is None:
        kind = kind if kind is not None else found
        schema = detect.schema_of(data, kind)
        how = "by trial" if kind is None else "by payload type 0x%04x" % kind
    name, form, again, why = convert.decode(schema, data, args.fragment)
    print(json.dumps(form, ensure_ascii=False, indent=None if args.compact else 2))
    notes = ["%s, set %s (%s), %d bytes" % (name, schema, how, len(data))]
    if again is None:
        notes.append("it cannot be written again: %s" % why)
    elif again != data:
        notes.append("we would write %s" % again.hex())
    print("exi: " + "; ".join(notes), file=sys.stderr)
    return 0


def _load_json(text):
    raw = _read(text) if _is_file(text) else text.encode()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        where = "standard input" if text == "-" else text if _is_file(text) else "the argument"
        raise json_form.FormError("%s is not JSON: %s" % (where, error)) from None


def _encode(args):
    schema, kind = _chosen(args)
    form = _load_json(args.input)
    candidates = (schema,) if schema else detect.SETS if kind is None else detect.sets_of(kind)
    found, errors = {}, {}
    for name in candidates:
        try:
            found[name] = convert.encode(name, form, args.fragment)
        except _MESSAGE_ERRORS as error:
            errors[name] = str(error)
    if not found:
        lines = ["%s: %s" % item for item in errors.items()]
        raise json_form.FormError(
            lines[0] if len(lines) == 1 else "no set can encode it:\n  " + "\n  ".join(lines)
        )
    if len(found) > 1:
        raise detect.DetectError(
            "%s can all encode it: say which with --schema" % ", ".join(found)
        )
    ((schema, data),) = found.items()
    if args.v2gtp:
        data = detect.add_header(schema, data)
    if args.output:
        Path(args.output).write_bytes(data)
    else:
        print(data.hex())
    print("exi: set %s, %d bytes" % (schema, len(data)), file=sys.stderr)
    return 0


def _log(args):
    schema, kind = _chosen(args)
    text = _read(args.input).decode("utf-8", "replace")
    found = 0
    for number, line in enumerate(text.splitlines(), 1):
        for match in _LOG_HEX.finditer(line):
            found += 1
            answer = {"line": number}
            try:
                data, header = detect.split_header(bytes.fromhex(match.group(1)))
                known = kind if kind is not None else header
                answer["schema"] = schema or detect.schema_of(data, known)
                answer["msg"], answer["json"] = convert.decode(answer["schema"], data)[:2]
            except _MESSAGE_ERRORS as error:
                answer["error"] = str(error)
                answer["exi"] = match.group(1)
            print(json.dumps(answer, ensure_ascii=False))
    print("exi: %d candidates in %s" % (found, args.input), file=sys.stderr)
    return 0


def _batch(args):
    source = sys.stdin if args.input == "-" else open(args.input, encoding="utf-8")
    with source:
        if args.output:
            with open(args.output, "w", encoding="utf-8") as target:
                count, errors = convert.batch(source, target.write)
        else:
            count, errors = convert.batch(source, sys.stdout.write)
    print("exi: %d lines, %d errors" % (count, errors), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
