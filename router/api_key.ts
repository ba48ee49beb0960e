// Whether a client has the key, compared so that the time taken tells nothing about it.

import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";

/** Takes `Authorization: Bearer KEY` and, as Anthropic's clients send it, `x-api-key: KEY`. Without a key all pass. */
export function makeKeyCheck(key: string | null): (headers: Headers) => boolean {
  if (key === null) return () => true;
  const expected = digest(key);
  return (headers) => {
    const bearer = /^bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    const given = bearer ?? headers.get("x-api-key");
    return given !== null && timingSafeEqual(digest(given), expected);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
