// Which experts each token went through, in the three forms engines tell it. Decode has rows for the prompt too, but only
// prefill's are true; from there on decode's are. Source: seed routers' merge of `routed_experts`; vLLM's numpy2base64.

import { Buffer } from "node:buffer";

/** Both are the member's JSON value; decode's comes back as it is where the two do not fit together. */
export function joinRoutedExperts(prefill: string, decode: string): string {
  if (prefill.startsWith("{") || decode.startsWith("{")) return joinObjects(prefill, decode);
  const [first, own] = [fromBase64(prefill.slice(1, -1)), fromBase64(decode.slice(1, -1))];
  const [firstAt, ownAt] = [npyData(first), npyData(own)];
  if (firstAt === null && ownAt === null) return quoted(joined(first, own));
  if (firstAt === null || ownAt === null || shapeOfRow(first, firstAt) !== shapeOfRow(own, ownAt)) return decode;
  // The header holds the row count of the whole answer, which is decode's.
  const [rows, ownRows] = [first.subarray(firstAt), own.subarray(ownAt)];
  if (rows.length > ownRows.length) return decode;
  return quoted(Buffer.concat([own.subarray(0, ownAt), joined(rows, ownRows)]));
}

interface Told {
  readonly data: string;
  readonly shape: readonly number[];
  readonly start?: number;
  readonly dtype: string;
}

/** PRIME-RL's server: raw bytes beside their shape. */
function joinObjects(prefill: string, decode: string): string {
  const [first, own] = [told(prefill), told(decode)];
  const fit = first !== null && own !== null && first.dtype === own.dtype &&
    (first.start ?? 0) === (own.start ?? 0) && first.shape.slice(1).join() === own.shape.slice(1).join() &&
    (first.shape[0] ?? 0) <= (own.shape[0] ?? 0);
  if (!fit) return decode;
  const data = joined(fromBase64(first.data), fromBase64(own.data)).toString("base64");
  return decode.replace(own.data, () => data);
}

function told(text: string): Told | null {
  try {
    const value = JSON.parse(text) as Partial<Told>;
    return typeof value.data === "string" && Array.isArray(value.shape) && typeof value.dtype === "string"
      ? value as Told
      : null;
  } catch {
    return null;
  }
}

function joined(first: Buffer, own: Buffer): Buffer {
  return Buffer.concat([first, own.subarray(first.length)]);
}

const magic = Buffer.from("\x93NUMPY", "latin1");

/** Where the rows of a .npy file begin; null for what is none. */
function npyData(bytes: Buffer): number | null {
  if (!bytes.subarray(0, magic.length).equals(magic) || bytes.length < 12) return null;
  const isFirstVersion = bytes[6] === 1;
  const at = (isFirstVersion ? 10 : 12) + (isFirstVersion ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  return at <= bytes.length ? at : null;
}

/** Type, order and all sizes but the number of rows. */
function shapeOfRow(bytes: Buffer, dataAt: number): string {
  const text = bytes.toString("latin1", magic.length, dataAt);
  return text.slice(text.indexOf("{")).replace(/\(\s*\d+\s*,/, "(").replace(/\s+/g, "");
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, "base64");
}

function quoted(bytes: Buffer): string {
  return `"${bytes.toString("base64")}"`;
}
