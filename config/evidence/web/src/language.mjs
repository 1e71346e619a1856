// Both languages: Chinese unless the browser asks for another.

import facts from "./facts.json";
import { TEXTS } from "./texts.mjs";

const ALL = { ...facts.texts, ...TEXTS };
const NAMES = { zh: "中文", en: "English" };
let chosen = (navigator.language || "zh").toLowerCase().startsWith("zh") ? "zh" : "en";

export const language = () => chosen;
export const other = () => (chosen === "zh" ? "en" : "zh");
export const nameOf = (language) => NAMES[language];

export function choose(language) {
  chosen = language;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

const pick = (both) => both[chosen === "zh" ? 0 : 1];

/** A text with its values filled in. */
export function said(key, values = {}) {
  return pick(ALL[key]).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export const why = (phrase) => (chosen === "zh" ? facts.why[phrase] ?? phrase : phrase);
export const cause = (name) => (Object.hasOwn(facts.causes, name) ? pick(facts.causes[name]) : name);
