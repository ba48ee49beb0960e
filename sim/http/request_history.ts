// The last requests, for GET /sim/requests: what came in, when, and how it ended.

import type { Json } from "../json.ts";

const REMEMBERED = 1000;
const BODY_CHARACTERS = 32 * 1024 * 1024;

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly arrivedAtMs: number;
  kvParams: Json;
  status: number | null;
  /** When the last byte was handed over, or the client had left. */
  endedAtMs: number | null;
  abortedByClient: boolean;
}

export interface RequestHistory {
  add(request: Omit<SeenRequest, "kvParams" | "status" | "endedAtMs" | "abortedByClient">): SeenRequest;
  all(): readonly SeenRequest[];
}

export function makeRequestHistory(): RequestHistory {
  const seen: SeenRequest[] = [];
  let characters = 0;
  return {
    add(request) {
      const entry = { ...request, kvParams: null, status: null, endedAtMs: null, abortedByClient: false };
      seen.push(entry);
      characters += entry.body.length;
      while (seen.length > REMEMBERED || (characters > BODY_CHARACTERS && seen.length > 1)) {
        characters -= seen.shift()?.body.length ?? 0;
      }
      return entry;
    },
    all: () => seen,
  };
}
