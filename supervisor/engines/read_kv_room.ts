// The room for KV that an engine has found, by one line of its log and that engine's pattern.

import type { KvRoom } from "./engine.ts";

/** Groups: `tokens`, and `request` for the longest request where the line tells it. Thousands may be parted by commas. */
export function readKvRoom(line: string, pattern: RegExp): KvRoom | null {
  const { tokens, request } = pattern.exec(line)?.groups ?? {};
  if (tokens === undefined) return null;
  return { tokens: numberOf(tokens), requestTokens: request === undefined ? null : numberOf(request) };
}

function numberOf(text: string): number {
  return Number(text.replaceAll(",", ""));
}
