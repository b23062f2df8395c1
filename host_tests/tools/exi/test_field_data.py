# SPDX-License-Identifier: MIT
"""Messages of real cars, chargers and other stacks through `batch` (folder: UEVCC_FIELD_DATA).

What comes out: the recorded JSON form and the same bytes again. The exceptions, all told by the
records themselves: spare bytes at the end are not written again; lines without a schema and the
one that is no document of its set (a SignedInfo fragment) are refused.
"""

import hashlib
import io
import json

import pytest
from evcc import exi
from evcc.exi import fragments

from tools.exi import convert, detect


def _lines(folder, name):
    path = folder / name
    if not path.is_file():
        pytest.skip("%s is not in UEVCC_FIELD_DATA" % name)
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _batch(entries):
    out = io.StringIO()
    convert.batch((json.dumps(entry) for entry in entries), out.write)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(answers) == len(entries)
    return answers


def _wanted_bytes(record):
    if record["reencodes_same"] or record["libcbv2g"] == "same":
        # Not the same only with EXIficient: it writes empty values with the escape.
        return record["exi"]
    if record["libcbv2g"].startswith("ok "):  # what the C codec wrote: without the spare bytes
        return record["libcbv2g"].split()[1]
    return None


def test_every_message(field_data):
    records = _lines(field_data, "exi.jsonl")
    answers = _batch([{"schema": r["schema"], "exi": r["exi"]} for r in records])
    refused = []
    for number, (record, answer) in enumerate(zip(records, answers, strict=True), 1):
        if "error" in answer:
            refused.append(
                (record["schema"], record["schema_valid"] if record["schema"] else None)
            )
            continue
        assert answer["msg"] == record["msg"], number
        assert answer["json"] == record["json"], number
        assert answer["exi"] == _wanted_bytes(record), number
    without = sum(record["schema"] is None for record in records)
    assert sorted(refused, key=str) == sorted(
        [(None, None)] * without + [("iso20_common", False)], key=str
    )


def test_the_payload_type_leads_to_the_set(field_data):
    records = [r for r in _lines(field_data, "exi.jsonl") if r["schema"] and r["payload_type"]]
    assert len(records) > 1000
    for record in records:
        kind = int(record["payload_type"], 16)
        assert detect.schema_of(bytes.fromhex(record["exi"]), kind) == record["schema"]


def test_json_back_to_bytes(field_data):
    """Encoding from the recorded JSON form alone, without what decoding has seen."""
    records = [r for r in _lines(field_data, "exi.jsonl") if r["schema"] and _wanted_bytes(r)]
    answers = _batch([{"schema": r["schema"], "json": r["json"]} for r in records])
    for number, (record, answer) in enumerate(zip(records, answers, strict=True), 1):
        assert answer.get("exi") == _wanted_bytes(record), (number, answer.get("error"))


def test_fragments_of_signed_messages(field_data):
    """What signatures digest: read, written the same, and the digests of the captures match."""
    records = _lines(field_data, "exi_signatures.jsonl")
    entries = []
    for record in records:
        for reference in record["references"]:
            entries.append({"schema": "iso2", "fragment": True, "exi": reference["fragment_exi"]})
        entries.append(
            {
                "schema": "iso2",
                "fragment": True,
                "grammar": "xmldsig",
                "exi": record["signedinfo_fragment_exi_xmldsig_schema"],
            }
        )
    for entry, answer in zip(entries, _batch(entries), strict=True):
        assert answer.get("exi") == entry["exi"], answer


def test_fragments_cut_out_of_signed_messages(field_data):
    """The way a verifier goes: decode the message, encode its signed parts, compare digests."""
    checked = 0
    for record in _lines(field_data, "exi_signatures.jsonl"):
        _, message = exi.decode(record["schema"], bytes.fromhex(record["exi"]))
        (name, body), *_ = message["Body"].items()
        parts = {body.get("Id"): (name, body)}
        for key, value in body.items():
            if isinstance(value, dict) and "Id" in value:
                parts[value["Id"]] = (key, value)
        info = message["Header"]["Signature"]["SignedInfo"]
        wanted = record["signedinfo_fragment_exi_xmldsig_schema"]
        assert fragments.encode("xmldsig", "SignedInfo", info).hex() == wanted
        for reference in info["Reference"]:
            data = fragments.encode("iso2", *parts[reference["URI"][1:]])
            assert hashlib.sha256(data).digest() == reference["DigestValue"]
            checked += 1
    assert checked >= 10
