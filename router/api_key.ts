// Whether a client has one of the keys, compared so that the time taken tells nothing about them.

import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";

/** Takes `Authorization: Bearer KEY` and, as Anthropic's clients send it, `x-api-key: KEY`. Without keys all pass. */
export function makeKeyCheck(keys: readonly string[]): (headers: Headers) => boolean {
  if (keys.length === 0) return () => true;
  const expected = keys.map(digest);
  return (headers) => {
    const bearer = /^bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    const given = bearer ?? headers.get("x-api-key");
    if (given === null) return false;
    const own = digest(given);
    // All are compared, whichever fits.
    return expected.reduce((fits, one) => timingSafeEqual(own, one) || fits, false);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
