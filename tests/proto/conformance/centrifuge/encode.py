#!/usr/bin/env python3
"""Writes what is in samples.txt: messages of the structured protocol in JSON, and in protobuf as
Google's library makes it from the descriptors of the Python SDK.

    pip install centrifuge-python==0.7.0 protobuf
    python encode.py < samples.txt

Reads lines `Command JSON` and `Reply JSON`, where fields of bytes are embedded JSON, and writes
each with its protobuf in hex in the next line."""

import json
import sys

import centrifuge.protocol.client_pb2 as protocol


def fill(message, value):
    """Sets the fields of a message; absent ones stay so."""
    for name, value in value.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        entry = field.message_type and field.message_type.GetOptions().map_entry
        if entry and field.message_type.fields_by_name["value"].message_type:
            for key, inner in value.items():
                fill(getattr(message, name)[key], inner)
        elif entry:
            getattr(message, name).update(value)
        elif isinstance(value, list) and field.message_type:
            for inner in value:
                fill(getattr(message, name).add(), inner)
        elif isinstance(value, list) and field.type != field.TYPE_BYTES:
            getattr(message, name).extend(value)
        elif field.message_type:
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)
        elif field.type == field.TYPE_BYTES:
            setattr(message, name, json.dumps(value, separators=(",", ":")).encode())
        else:
            setattr(message, name, value)


for line in sys.stdin:
    if line.startswith(("Command ", "Reply ")):
        kind, text = line.split(" ", 1)
        message = getattr(protocol, kind)()
        fill(message, json.loads(text))
        print(line, end="")
        print(message.SerializeToString(deterministic=True).hex() or "-")
    elif line.startswith("#"):
        print(line, end="")
