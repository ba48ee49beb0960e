// Texts as a tar archive. Source: POSIX.1-1988 ustar, the interchange format of pax(1).

const BLOCK_BYTES = 512;

export interface TarEntry {
  /** At most 100 bytes. */
  readonly name: string;
  readonly text: string;
}

export function tarOf(entries: readonly TarEntry[]): Uint8Array {
  const parts = entries.flatMap(({ name, text }) => {
    const body = new TextEncoder().encode(text);
    return [header(name, body.length), body, new Uint8Array(padding(body.length))];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK_BYTES)]);
}

function header(name: string, bytes: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put("0000600\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${octal(bytes, 11)}\0`, 124);
  put(`${octal(Math.floor(Date.now() / 1000), 11)}\0`, 136);
  // The checksum is computed over itself as eight spaces.
  put("        ", 148);
  put("0", 156);
  put("ustar\x0000", 257);
  put(`${octal(block.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padding(bytes: number): number {
  return (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES;
}
