// Lighthouse over pages of a running server: one line of JSON a page and form factor, as each is done.
//   node measure.mjs PAGES.json      PAGES.json: [{ name, url, cookie }], and CHROME_PATH in the environment
import { readFileSync } from "node:fs";

import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const CATEGORIES = ["performance", "accessibility", "best-practices"];
// A signed-in page is not to be stored, and so not kept for going back: that is meant.
const MEANT = ["bf-cache"];
// Now and then it misses where a trace began, and says nothing about the page then.
const ATTEMPTS = 3;
const chrome = await launch({
  chromeFlags: [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
try {
  for (const { name, url, cookie } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
    for (const form of ["desktop", "mobile"]) {
      const flags = {
        port: chrome.port, onlyCategories: CATEGORIES, skipAudits: MEANT, logLevel: "error",
        extraHeaders: { "Accept-Language": "zh-CN", ...(cookie ? { Cookie: cookie } : {}) },
      };
      let lhr;
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        ({ lhr } = await lighthouse(url, flags, form === "desktop" ? desktopConfig : undefined));
        if (!lhr.runtimeError) break;
      }
      console.log(JSON.stringify({ name, form, ...summary(lhr) }));
    }
  }
} finally {
  chrome.kill();
}

function summary(lhr) {
  const score = (id) => lhr.categories[id].score === null ? null : Math.round(lhr.categories[id].score * 100);
  const lacking = CATEGORIES.flatMap((id) => lhr.categories[id].auditRefs)
    .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
    .map(({ id }) => `${id} ${lhr.audits[id].displayValue ?? ""}`.trim());
  return {
    performance: score("performance"), accessibility: score("accessibility"), best_practices: score("best-practices"),
    lacking: [...new Set(lacking)], error: lhr.runtimeError?.message ?? "",
  };
}
