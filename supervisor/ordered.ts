// What has become of an order.

import type { Diagnosis } from "./engines/engine.ts";

export type Ordered =
  | { readonly is: "done" }
  | { readonly is: "refused"; readonly what: string; readonly why: string; readonly fix: string }
  | { readonly is: "failed"; readonly worker: string; readonly diagnosis: Diagnosis };
