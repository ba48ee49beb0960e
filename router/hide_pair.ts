// Connectors that name the two workers in the request id (P2P NCCL) get that id back in the engine's answers, addresses
// included. Clients get the id that is theirs instead.

import { Buffer } from "node:buffer";

/** For an answer's pieces in order; a piece may end inside the name. */
export function pairHider(name: string, shown: string): (chunk: Uint8Array) => Uint8Array {
  const needle = Buffer.from(name);
  const instead = Buffer.from(shown);
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const { done, rest } = replaced(Buffer.concat([held, chunk]), needle, instead);
    const keep = endThatBegins(rest, needle);
    held = rest.subarray(rest.length - keep);
    return Buffer.concat([...done, rest.subarray(0, rest.length - keep)]);
  };
}

export function withoutPair(body: Uint8Array, name: string, shown: string): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const { done, rest } = replaced(bytes, Buffer.from(name), Buffer.from(shown));
  return done.length === 0 ? body : Buffer.concat([...done, rest]);
}

/** `rest` is what follows the last one that was replaced. */
function replaced(bytes: Buffer, needle: Buffer, instead: Buffer): { readonly done: Buffer[]; readonly rest: Buffer } {
  const done: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, from)) {
    done.push(bytes.subarray(from, at), instead);
    from = at + needle.length;
  }
  return { done, rest: bytes.subarray(from) };
}

/** How many of the last bytes may be the beginning of the needle. */
function endThatBegins(bytes: Buffer, needle: Buffer): number {
  for (let length = Math.min(bytes.length, needle.length - 1); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}
