// No new request, and every handoff through, before engines are paused: KV that waits for decode across a pause outlives its
// lease, and one that crosses an update belongs to other weights.

import type { RouterIo } from "../router_io.ts";

const LIMIT_MS = 30_000;
const LOOK_MS = 20;

/** Resolves when no handoff is under way, or the limit has passed; the returned function lets requests in again. */
export async function holdAdmission({ gate, roster, now }: RouterIo): Promise<() => void> {
  const { places } = gate;
  gate.resize(0);
  const untilMs = now() + LIMIT_MS;
  const handsOver = () => roster.prefill.some(({ window }) => window.inside > 0);
  while (handsOver() && now() < untilMs) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  return () => gate.resize(places);
}
