// Bundles src/page.mjs into one HTML file that needs nothing else: node build.mjs OUTPUT SOURCES-DIGEST
//
// The output is a function of the sources and of package-lock.json alone. It is not minified: who is to trust it may read it.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const [, , output, sources] = process.argv;
const built = await build({
  entryPoints: ["src/page.mjs"],
  bundle: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  write: false,
});
const script = `\n${built.outputFiles[0].text}`;
const style = `\n${readFileSync("page.css", "utf8")}`;
if (/<\/(script|style)/i.test(script + style)) {
  throw new Error("the script or style would end before its end");
}
const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const csp =
  `default-src 'none'; connect-src 'none'; script-src ${digest(script)}; style-src ${digest(style)}; ` +
  "form-action 'none'; base-uri 'none'";
const parts = { csp, sources, style, script };
writeFileSync(
  output,
  readFileSync("page.html", "utf8").replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]),
);
