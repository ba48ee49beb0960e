// Which engine versions a rule is for. vLLM numbers itself by PEP 440 (`0.29.1rc1.dev3+gabc`), ranges are semver's.

import satisfies from "semver/functions/satisfies.js";

/** Stands for a version nobody could read ("dev", a checkout without tags): those are built from a recent tree. */
const newest = "999.0.0";

/**
 * Whether a PEP 440 version lies in a semver range. Only the release numbers count: a pre-release has what its release
 * will have, and a local part (`+cpu`) says nothing about features. An unreadable version counts as the newest.
 */
export function inRange(version: string, range: string): boolean {
  return satisfies(releaseOf(version) ?? newest, range);
}

/** `0.29.1rc1.dev3+gabc` → `0.29.1`, `v0.32` → `0.32.0`; null when the text does not start with numbers. */
export function releaseOf(version: string): string | null {
  const numbers = /^\s*v?(?:\d+!)?(\d+(?:\.\d+)*)/i.exec(version)?.[1];
  if (numbers === undefined) return null;
  const [major = "0", minor = "0", patch = "0"] = numbers.split(".");
  return [major, minor, patch].map(Number).join(".");
}
