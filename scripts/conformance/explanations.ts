// Differences between pdserve and a plain engine that are meant to be.

import type { Difference, Shape } from "./findings.ts";

interface Explanation {
  /** Operations, as `POST /v1/completions`. */
  readonly of: RegExp;
  fits(difference: Difference): boolean;
  readonly why: string;
}

export const explanations: readonly Explanation[] = [
  {
    of: /^GET \/version$/,
    fits: ({ plain, pdserve }) => sameStatus(plain, pdserve),
    why: "`version` is the engine's, as direct; pdserve adds its own and the engine's name.",
  },
  {
    of: /\/(scale_elastic_ep|is_scaling_elastic_ep)$/,
    fits: ({ pdserve }) => pdserve.status === 404 && isOwnRefusal(pdserve),
    why:
      "Changes the engine, so it is no client's. For `--admin-key` it is refused with what to do instead, since pdserve " +
      "has planned each worker's ranks; `/is_scaling_elastic_ep` asks every worker.",
  },
  {
    of: /\/kv_event_sources$/,
    fits: ({ pdserve }) => pdserve.status === 404 && isOwnRefusal(pdserve),
    why: "It tells the addresses of workers, which no client sees; for `--admin-key` it asks every worker.",
  },
  {
    of: /^POST /,
    fits: ({ plain, pdserve, request }) => sameStatus(plain, pdserve) && isOwnRefusal(pdserve) && isNoObject(request),
    why: "pdserve refuses what is no JSON object before it asks a worker; `error.src` says that it was pdserve.",
  },
  {
    of: /^POST /,
    fits: ({ plain, pdserve, request }) =>
      plain.status === 404 && pdserve.status === 400 && isOwnRefusal(pdserve) && isNoObject(request),
    why: "The engine lacks this route; pdserve sees first that the body is no JSON object.",
  },
  {
    of: /^POST \/v1\/(chat\/)?completions$/,
    fits: ({ plain, pdserve, request }) => sameStatus(plain, pdserve) && request.includes("stream_options"),
    why: "Wrong in two ways: prefill is asked without `stream_options`, so the 400 names the other fault.",
  },
];

function sameStatus(plain: Shape, pdserve: Shape): boolean {
  return plain.status === pdserve.status;
}

function isNoObject(request: string): boolean {
  return !request.startsWith("{");
}

/** Errors of pdserve's own say whose they are. */
function isOwnRefusal({ body }: Shape): boolean {
  const error = (body as { readonly error?: unknown } | null)?.error;
  return typeof error === "object" && error !== null && "src" in error;
}
