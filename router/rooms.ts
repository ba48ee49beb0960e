// Numbers by which two engines find each other for one request, for connectors whose legs meet in a room.

import { alone, type Part } from "./numbers.ts";

export interface Rooms {
  /** The first of `count` consecutive numbers, none of which is ever given again by this router. */
  take(count: number): number;
}

/** SGLang takes 63 bits, but a JSON reader may keep only these; room 0 makes its decode side wait for ever. */
const LAST_ROOM = Number.MAX_SAFE_INTEGER;
/** 52 bits. */
const FIRST_DIGITS = 13;

/**
 * Begins anywhere in the lower half, so that a router started anew does not name rooms that engines still hold. The other
 * half is a million requests a second, each of a thousand prompts, for 52 days; then it begins anew. Several router processes
 * have a part of the numbers each.
 */
export function makeRooms(random: () => string, { at, of }: Part = alone): Rooms {
  const size = Math.floor(LAST_ROOM / of);
  const first = at * size + 1;
  const end = first + size;
  let next = 0;
  return {
    take(count) {
      if (next === 0) next = first + Math.floor((Number.parseInt(random().slice(0, FIRST_DIGITS), 16) || 0) / of);
      if (next > end - count) next = first;
      const taken = next;
      next += count;
      return taken;
    },
  };
}
