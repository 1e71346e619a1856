"""The generated AsyncAPI file is up to date and valid against the specification's own JSON schema.

``asyncapi-3.0.0.schema.json.gz`` is schemas/3.0.0-without-$id.json of the npm package @asyncapi/specs 6.11.1
(Apache-2.0), without white space.
"""

import gzip
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from config.wire import asyncapi
from config.wire.catalogue import CATALOGUE
from tests.contract.samples import SAMPLES

SCHEMA = Path(__file__).with_name("asyncapi-3.0.0.schema.json.gz")


def test_the_file_is_what_the_messages_say() -> None:
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.render(), "run: python -m config.wire.asyncapi"


def test_the_file_is_valid() -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    jsonschema.validate(asyncapi.document(), schema, cls=jsonschema.Draft7Validator)


def test_every_kind_that_travels_over_mqtt_is_described() -> None:
    document = asyncapi.document()
    assert set(document["components"]["messages"]) == {kind.name for kind in CATALOGUE if kind.via != "https"}


@pytest.mark.parametrize("kind", [kind for kind in CATALOGUE if kind.via != "https"], ids=lambda kind: kind.name)
def test_the_described_schema_accepts_the_sample_and_refuses_an_empty_one(kind) -> None:
    document = asyncapi.document()
    schema = {"$ref": f"#/components/schemas/{kind.message.__name__}", "components": document["components"]}
    sample = msgspec.json.decode(msgspec.json.encode(SAMPLES[kind.name]))
    jsonschema.validate(sample, schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema, cls=jsonschema.Draft202012Validator)
