// How patient clients of a training job are: they wait for hours on answers that are not streamed, and send long prompts.

import type { Saying } from "../layer.ts";
import type { Origin } from "../spec.ts";

/** What vime and slime give their routers; trainers do not stream, so an answer may be as long in coming. */
export const rolloutLimitS = 14_400;

/** Every wait of one request as long as the whole; bodies up to what those systems' own routers take. */
export function longRequests(limitS: number, origin: Origin): readonly Saying[] {
  const waits = [
    "requestTimeoutMs",
    "queueTimeoutMs",
    "prefillTimeoutMs",
    "firstTokenTimeoutMs",
    "idleTimeoutMs",
  ] as const;
  return [
    ...waits.map((key) => ({ key, text: `${limitS}s`, origin })),
    { key: "maxBodyBytes", text: "512m", origin },
    // A step's samples are all asked for at once.
    { key: "maxQueue", text: "65536", origin },
  ];
}
