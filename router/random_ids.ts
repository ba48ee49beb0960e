// Random ids, drawn many at a time: asking for each one alone costs more than all else about an id.

import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";

const idBytes = 16;
const idsPerDraw = 256;

/** Each call gives 32 hex digits. `fill` writes random bytes over all of a buffer. */
export function makeRandomIds(fill: (bytes: Buffer) => unknown = randomFillSync): () => string {
  const drawn = Buffer.alloc(idBytes * idsPerDraw);
  let at = drawn.length;
  return () => {
    if (at === drawn.length) {
      fill(drawn);
      at = 0;
    }
    at += idBytes;
    return drawn.toString("hex", at - idBytes, at);
  };
}
