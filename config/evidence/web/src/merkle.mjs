// Proofs of the ledger's Merkle tree. Sizes are BigInt: a ledger may hold more than a Number counts exactly.
// Source: RFC 6962, section 2.1 (hashing); RFC 9162, sections 2.1.3.2 and 2.1.4.2 (checking).

import { same } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";

export const HASH_BYTES = 32;
export const LEAVES_MAX = 2n ** 62n;
const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)];

export const leafHash = (entry) => sha256(LEAF, entry);
const nodeHash = (left, right) => sha256(NODE, left, right);

/** The root over one or more leaf hashes: the left side of each split is the largest complete tree there can be. */
export function rootOf(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const pairs = Array.from({ length: level.length >> 1 }, (_, at) => nodeHash(level[2 * at], level[2 * at + 1]));
    level = level.length & 1 ? [...pairs, level.at(-1)] : pairs;
  }
  return level[0] ?? sha256(new Uint8Array(0));
}

/** Whether `proof` shows that `leaf` (a leaf hash) is number `index` of the tree. */
export function includes(root, size, index, leaf, proof) {
  if (index < 0n || index >= size) {
    return false;
  }
  const climb = new Climb(index, size - 1n);
  let found = leaf;
  for (const sibling of proof) {
    if (climb.over) {
      return false;
    }
    found = climb.isRight() ? nodeHash(sibling, found) : nodeHash(found, sibling);
    climb.up();
  }
  return climb.over && same(found, root);
}

/** Whether the tree `newer` ({size, root}) begins with the tree `older`. */
export function continues(older, newer, proof) {
  if (older.size < 0n || older.size > newer.size) {
    return false;
  }
  if (older.size === newer.size) {
    return proof.length === 0 && same(older.root, newer.root);
  }
  if (older.size === 0n) {
    return proof.length === 0 && same(older.root, sha256(new Uint8Array(0)));
  }
  const path = older.size & (older.size - 1n) ? [...proof] : [older.root, ...proof];
  if (path.length === 0) {
    return false;
  }
  const climb = new Climb(older.size - 1n, newer.size - 1n);
  while (climb.position & 1n) {
    climb.up();
  }
  let [oldFound, newFound] = [path[0], path[0]];
  for (const sibling of path.slice(1)) {
    if (climb.over) {
      return false;
    }
    if (climb.isRight()) {
      [oldFound, newFound] = [nodeHash(sibling, oldFound), nodeHash(sibling, newFound)];
    } else {
      newFound = nodeHash(newFound, sibling);
    }
    climb.up();
  }
  return climb.over && same(oldFound, older.root) && same(newFound, newer.root);
}

/** The way from a leaf to the root: `position` among the nodes of a level, `last` the number of the last one. */
class Climb {
  constructor(position, last) {
    this.position = position;
    this.last = last;
  }

  get over() {
    return this.last === 0n;
  }

  /** Whether the sibling stands on the left; levels at which this node has none are passed. */
  isRight() {
    if (!(this.position & 1n) && this.position !== this.last) {
      return false;
    }
    while (!(this.position & 1n) && this.position) {
      this.up();
    }
    return true;
  }

  up() {
    this.position >>= 1n;
    this.last >>= 1n;
  }
}
