// Text of an engine, made harmless for a terminal: no escape sequence, no carriage return, no bell.

import { stripVTControlCharacters } from "node:util";

export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\t/g, "  ").replace(/\p{Cc}/gu, "");
}
