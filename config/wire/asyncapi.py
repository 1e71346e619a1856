"""The AsyncAPI 3.0 description of the wire contract, generated from the message types.

``python -m config.wire.asyncapi`` rewrites ``asyncapi.json`` beside this file; a test fails where it is out of date.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from config.wire import topics
from config.wire.catalogue import CATALOGUE, Kind

FILE = Path(__file__).with_name("asyncapi.json")
ENVELOPE_SCHEMA: dict[str, Any] = {
    "title": "DSSE envelope",
    "type": "object",
    "required": ["payload", "payloadType", "signatures"],
    "properties": {
        "payload": {"type": "string", "contentEncoding": "base64", "description": "the message's JSON, signed"},
        "payloadType": {"type": "string", "pattern": r"^application/vnd\.nightlight\.[a-z-]+\.v[0-9]+\+json$"},
        "signatures": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["keyid", "sig"],
                "properties": {
                    "keyid": {"type": "string", "description": "first 32 hex digits of SHA-256 of the public key"},
                    "sig": {"type": "string", "contentEncoding": "base64", "description": "Ed25519 over DSSE's PAE"},
                },
            },
        },
    },
}


def document() -> dict[str, Any]:
    """The whole description as plain JSON values."""
    over_mqtt = [kind for kind in CATALOGUE if kind.via != "https"]
    _, schemas = msgspec.json.schema_components(
        [kind.message for kind in over_mqtt], ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Nightlight wire contract",
            "version": "1.0.0",
            "description": "MQTT v5 between a site's edge agent and the centre. PROTOCOL.md is its prose.",
        },
        "defaultContentType": "application/json",
        "channels": {
            **{kind.name: _up_channel(kind) for kind in over_mqtt if kind.via == "mqtt-up"},
            "down": _down_channel([kind for kind in over_mqtt if kind.via == "mqtt-down"]),
        },
        "operations": {
            **{f"send-{kind.name}": _operation("send", kind.name) for kind in over_mqtt if kind.via == "mqtt-up"},
            "receive-down": _operation("receive", "down"),
        },
        "components": {
            "messages": {kind.name: _message(kind) for kind in over_mqtt},
            "schemas": {"Envelope": ENVELOPE_SCHEMA, **schemas},
        },
    }


def render() -> str:
    """The file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _up_channel(kind: Kind) -> dict[str, Any]:
    return {
        "address": topics.up("{site_id}", "{agent_id}", kind.name),
        "parameters": _parameters(),
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"}},
    }


def _down_channel(kinds: list[Kind]) -> dict[str, Any]:
    return {
        "address": topics.down("{site_id}", "{agent_id}"),
        "parameters": _parameters(),
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"} for kind in kinds},
    }


def _parameters() -> dict[str, Any]:
    return {name: {"description": f"the {name[:-3]}'s id"} for name in ("site_id", "agent_id")}


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "bindings": {"mqtt": {"qos": 1, "retain": channel == "presence", "bindingVersion": "0.2.0"}},
    }


def _message(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "title": f"{kind.message.__name__}, version {kind.version}",
        "summary": inspect.getdoc(kind.message),
        "contentType": "application/json",
        "payload": {"$ref": "#/components/schemas/Envelope"},
        "x-payload-type": kind.payload_type,
        "x-signed-payload": {"$ref": f"#/components/schemas/{kind.message.__name__}"},
    }


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
