// One try to serve a split request: which pair, and how it ended.

import type { FailedLeg } from "./leg_failure.ts";
import type { Answer } from "./listen/client_request.ts";
import type { Slot } from "./roster.ts";

export interface Pair {
  readonly prefill: Slot;
  readonly decode: Slot;
}

/** `gone`: the client left. `failed`: nothing has reached the client, so a new attempt is safe. */
export type AttemptResult =
  | { readonly is: "response"; readonly response: Answer }
  | { readonly is: "failed"; readonly failed: FailedLeg }
  | { readonly is: "gone" };
