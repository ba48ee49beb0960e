// Why nobody can serve now, in words a client's operator can act on.

import type { OwnError } from "./own_error.ts";
import type { Roster } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";

const RETRY_AFTER_SECONDS = 2;

export function noWorkerReady(io: Pick<RouterIo, "roster">): OwnError {
  return {
    status: 503,
    message: whyNotReady(io.roster) ?? "No worker is free",
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  };
}

/** Null when requests can be served: a prefill and a decode worker, or one that serves requests whole. */
export function whyNotReady(roster: Roster): string | null {
  if (roster.phase !== "serving") return phaseText[roster.phase];
  if (roster.regular.length > 0 || (roster.prefill.length > 0 && roster.decode.length > 0)) return null;
  const missing = [
    roster.prefill.length === 0 ? "prefill" : null,
    roster.decode.length === 0 ? "decode" : null,
  ].filter((role) => role !== null);
  const stale = roster.stale.map(({ name }) => name).join(", ");
  return `No ${missing.join(" and no ")} worker is ready${
    stale === "" ? "" : `: ${stale} waits for its trainer's weights`
  }`;
}

const phaseText = {
  starting: "The workers are still starting",
  draining: "The server is shutting down",
  stopped: "The server has stopped",
} as const;
