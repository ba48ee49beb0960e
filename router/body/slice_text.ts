// A stretch of bytes as text.

import { Buffer } from "node:buffer";

type Slice = (this: Uint8Array, start: number, end: number) => string;

/**
 * What `Buffer.toString` itself calls (not in its types). On any byte array, without the view that
 * `Buffer.from(bytes.buffer)` makes first: 40 ns instead of 370 for a short one, and no garbage.
 */
const { utf8Slice, latin1Slice } = Buffer.prototype as unknown as { utf8Slice: Slice; latin1Slice: Slice };

export function sliceUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

export function sliceLatin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}
