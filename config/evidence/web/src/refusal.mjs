// Why a package is not genuine: which item, and what does not hold, in the words of config/evidence/wording.py.

/** `item` is the file within the package, or `package` for the whole; `why` a phrase of WHY. */
export class NotGenuine extends Error {
  constructor(item, why, detail = "") {
    super(`${item}: ${why}` + (detail ? ` (${detail})` : ""));
    this.item = item;
    this.why = why;
    this.detail = detail;
  }
}

/** What was read is not of the form that it should be of; `verify` says of which item. */
export class InvalidInput extends Error {}
