// JSON, decoded strictly and checked against the types that the Python verifier decodes into.
//
// JSON.parse will not do: it keeps no difference between 1 and 1.0, rounds integers, and forgets the first of two equal
// names. What is accepted here is what msgspec accepts, so that no document means one thing there and another here.
// Source: RFC 8259; the schemas are made by msgspec from the Python types.

import { text, utf8 } from "./bytes.mjs";
import { InvalidInput } from "./refusal.mjs";

const DEPTH_MAX = 900;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const ESCAPES = { '"': 34, "\\": 92, "/": 47, b: 8, f: 12, n: 10, r: 13, t: 9 };

/** The value of `type`, one of the names in `schemas`. Raises InvalidInput. */
export function decode(bytes, type, schemas) {
  const parser = new Parser(bytes);
  return checked(parser.document(), schemas[type], schemas);
}

/** Takes JSON apart into `{kind, …}`; strings stay bytes until somebody wants them, names and their order stay as they are. */
class Parser {
  constructor(bytes) {
    this.bytes = bytes;
    this.latin = Array.from({ length: Math.ceil(bytes.length / 8192) }, (_, part) =>
      String.fromCharCode(...bytes.subarray(part * 8192, (part + 1) * 8192)),
    ).join("");
    this.at = 0;
  }

  document() {
    const value = this.value(0);
    this.space();
    if (this.at !== this.bytes.length) {
      throw new InvalidInput("something follows the JSON document");
    }
    return value;
  }

  space() {
    while (" \t\n\r".includes(this.latin[this.at] ?? "x")) {
      this.at += 1;
    }
  }

  /** Takes `mark` where it comes next. */
  took(mark) {
    this.space();
    const found = this.latin.startsWith(mark, this.at);
    this.at += found ? mark.length : 0;
    return found;
  }

  expect(mark) {
    if (!this.took(mark)) {
      throw new InvalidInput(`byte ${this.at}: ${mark} is expected`);
    }
  }

  value(depth) {
    if (depth > DEPTH_MAX) {
      throw new InvalidInput("nested too deeply");
    }
    this.space();
    switch (this.latin[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return { kind: "string", bytes: this.string() };
      case "t":
        return this.word("true", { kind: "boolean", value: true });
      case "f":
        return this.word("false", { kind: "boolean", value: false });
      case "n":
        return this.word("null", { kind: "null", value: null });
      default:
        return this.number();
    }
  }

  word(word, value) {
    this.expect(word);
    return value;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.latin);
    if (!found || /[0-9.]/.test(this.latin[this.at + found[0].length] ?? "")) {
      throw new InvalidInput(`byte ${this.at}: not JSON`);
    }
    this.at += found[0].length;
    if (/[eE]/.test(this.latin[this.at] ?? "")) {
      throw new InvalidInput(`byte ${this.at}: not a number`);
    }
    const whole = found[1] === undefined && found[2] === undefined;
    return { kind: whole ? "integer" : "number", value: Number(found[0]) + 0 };
  }

  object(depth) {
    const members = [];
    this.expect("{");
    if (!this.took("}")) {
      do {
        this.space();
        const name = this.string();
        this.expect(":");
        members.push([name, this.value(depth + 1)]);
      } while (this.took(","));
      this.expect("}");
    }
    return { kind: "object", members };
  }

  array(depth) {
    const items = [];
    this.expect("[");
    if (!this.took("]")) {
      do {
        items.push(this.value(depth + 1));
      } while (this.took(","));
      this.expect("]");
    }
    return { kind: "array", items };
  }

  string() {
    if (this.latin[this.at] !== '"') {
      throw new InvalidInput(`byte ${this.at}: a string is expected`);
    }
    const out = [];
    for (let at = this.at + 1; ; at += 1) {
      const byte = this.bytes[at];
      if (byte === undefined || byte < 0x20) {
        throw new InvalidInput(`byte ${at}: a string does not end`);
      }
      if (byte === 0x22) {
        this.at = at + 1;
        return Uint8Array.from(out);
      }
      if (byte !== 0x5c) {
        out.push(byte);
        continue;
      }
      const escape = this.latin[at + 1];
      if (escape === "u") {
        const [point, length] = this.escaped(at);
        out.push(...utf8(String.fromCodePoint(point)));
        at += length - 1;
      } else if (escape in ESCAPES) {
        out.push(ESCAPES[escape]);
        at += 1;
      } else {
        throw new InvalidInput(`byte ${at}: no such escape`);
      }
    }
  }

  /** The code point of \uXXXX at `at`, or of a pair of them, and how many bytes that took. */
  escaped(at) {
    const unit = (from) => {
      const digits = /^\\u([0-9a-fA-F]{4})/.exec(this.latin.slice(from, from + 6));
      return digits ? parseInt(digits[1], 16) : -1;
    };
    const first = unit(at);
    if (first >= 0 && (first & 0xf800) !== 0xd800) {
      return [first, 6];
    }
    const second = unit(at + 6);
    if ((first & 0xfc00) !== 0xd800 || second < 0 || (second & 0xfc00) !== 0xdc00) {
      throw new InvalidInput(`byte ${at}: half a character`);
    }
    return [0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff), 12];
  }
}

function checked(value, schema, schemas) {
  if (schema.$ref) {
    return checked(value, schemas[schema.$ref], schemas);
  }
  if (schema.discriminator) {
    return checked(value, schemas[tagged(value, schema.discriminator)], schemas);
  }
  if (schema.anyOf) {
    return either(value, schema.anyOf, schemas);
  }
  if (schema.enum) {
    const found = value.kind === "string" ? text(value.bytes) : value.value;
    return demand(schema.enum.includes(found), found, "none of the words allowed");
  }
  if (value.kind !== schema.type && !(schema.type === "number" && value.kind === "integer")) {
    throw new InvalidInput(`${schema.type} is expected, not ${value.kind}`);
  }
  return CHECKS[schema.type](value, schema, schemas);
}

/** A member's name, good for comparing: every name that is known is short and ASCII. */
const known = (raw) => String.fromCharCode(...raw.subarray(0, 100));

/** Which of the types a document is of: by the first member of that name. */
function tagged(value, { propertyName, mapping }) {
  const named = value.kind === "object" && value.members.find(([name]) => known(name) === propertyName);
  const tag = named && named[1].kind === "string" ? text(named[1].bytes) : undefined;
  return demand(Object.hasOwn(mapping, tag), mapping[tag], "of no kind that is known");
}

function either(value, schemas, all) {
  for (const schema of schemas) {
    try {
      return checked(value, schema, all);
    } catch (error) {
      if (!(error instanceof InvalidInput)) {
        throw error;
      }
    }
  }
  throw new InvalidInput("none of the types allowed");
}

const CHECKS = {
  null: () => null,
  boolean: (value) => value.value,
  integer: (value, schema) => within(value, schema, Number.isSafeInteger(value.value)),
  number: (value, schema) => within(value, schema, Number.isFinite(value.value)),
  string(value, schema) {
    const found = text(value.bytes);
    const length = [...found].length;
    demand(length >= (schema.minLength ?? 0) && length <= (schema.maxLength ?? Infinity), found, "too long or too short");
    return demand(!schema.pattern || pattern(schema.pattern).test(found), found, "not of the form that it should be of");
  },
  array(value, schema, schemas) {
    const { length } = value.items;
    demand(length >= (schema.minItems ?? 0) && length <= (schema.maxItems ?? Infinity), length, "too many or too few");
    if (schema.prefixItems) {
      return schema.prefixItems.map((item, at) => checked(value.items[at], item, schemas));
    }
    return value.items.map((item) => checked(item, schema.items, schemas));
  },
  object(value, schema, schemas) {
    const found = {};
    for (const [raw, member] of value.members) {
      const name = known(raw);
      if (Object.hasOwn(schema.properties, name)) {
        found[name] = checked(member, schema.properties[name], schemas);
      }
    }
    for (const [name, of] of Object.entries(schema.properties)) {
      if (!Object.hasOwn(found, name)) {
        demand(!schema.required.includes(name), name, `${name} is missing`);
        found[name] = of.default;
      }
    }
    return found;
  },
};

function within(value, schema, usable) {
  const inside = value.value >= (schema.minimum ?? -Infinity) && value.value <= (schema.maximum ?? Infinity);
  return demand(usable && inside, value.value, "out of range");
}

// In Python $ is also the place before a line break that ends the text.
const pattern = (source) => new RegExp(source.replace(/\$$/, "(?=\\n?$)"), "u");

function demand(holds, value, why) {
  if (!holds) {
    throw new InvalidInput(why);
  }
  return value;
}
