// Whether a client has one of the keys, compared so that the time taken tells nothing about them.

import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { OwnError } from "./own_error.ts";

/** Takes `Authorization: Bearer KEY` and, as Anthropic's clients send it, `x-api-key: KEY`. Without keys all pass. */
export function makeKeyCheck(keys: readonly string[]): (header: (name: string) => string | null) => boolean {
  if (keys.length === 0) return () => true;
  const expected = keys.map(digest);
  return (header) => {
    const bearer = /^bearer +(.+)$/i.exec(header("authorization") ?? "")?.[1];
    const given = bearer ?? header("x-api-key");
    if (given === null) return false;
    const own = digest(given);
    // All are compared, whichever fits.
    return expected.reduce((fits, one) => timingSafeEqual(own, one) || fits, false);
  };
}

export const noKey: OwnError = {
  status: 401,
  message: "The API key is missing or wrong; send it as Authorization: Bearer KEY",
  headers: { "www-authenticate": "Bearer" },
};

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
