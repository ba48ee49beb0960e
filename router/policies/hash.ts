// A quick hash for spreading and finding, never for keeping secrets. FNV-1a with a final mix (murmur3's), 32 bits.

const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

export function hashText(text: string, seed = SEED): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return mix(hash);
}

/** Unmixed, so that the hash of a longer piece goes on from that of a shorter one. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, seed = SEED): number {
  let hash = seed;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
  return hash;
}

function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
