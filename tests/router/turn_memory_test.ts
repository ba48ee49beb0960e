// How much of sessions' turns the router remembers.

import { expect, test } from "bun:test";
import { makeTurnReuse } from "../../router/turn_reuse.ts";
import type { Ask } from "../../router/read_ask.ts";
import { scanBody } from "../../router/body/scan_body.ts";
import { readFacts } from "../../router/body/read_facts.ts";
import { splitRoutes } from "../../router/routes.ts";
import type { Slot } from "../../router/roster.ts";
import type { LegOpening } from "../../router/leg.ts";
import { workerNamed } from "./open_fleet.ts";

const ids = (count: number) => Array.from({ length: count }, (_, at) => at);

function askOf(session: string, count: number): Ask {
  const body = scanBody(new TextEncoder().encode(JSON.stringify({ prompt: ids(count), session_id: session })));
  if (body.is !== "object") throw new Error("no object");
  const route = splitRoutes[0]!;
  return { id: "x", isOwnId: true, route, target: route.path, body, facts: readFacts(body), headers: [] };
}

test("beyond the limit the sessions that were kept first are forgotten", () => {
  const slot = { name: "decode-0", worker: workerNamed("decode-0") } as unknown as Slot;
  const turns = makeTurnReuse({ ttlMs: 60_000, now: () => 0, roster: { named: () => slot }, maxIds: 500 });
  const kv_transfer_params = {
    ...{ do_remote_prefill: false, do_remote_decode: true, remote_block_ids: [ids(10)], remote_num_tokens: 150 },
    ...{ remote_engine_id: "e", remote_request_id: "r", remote_host: "h", remote_port: 1, tp_size: 1 },
  };
  const answer = { choices: [{ token_ids: ids(60) }], kv_transfer_params };
  const body = new TextEncoder().encode(JSON.stringify(answer));
  const head = { status: 200, header: () => null, entries: () => [] };
  const opening: LegOpening = { is: "answered", head, body };
  for (const session of ["a", "b", "c", "d"]) turns.begin(askOf(session, 100))!.answered(slot, opening);
  const kept = ["a", "b", "c", "d"].filter((session) => turns.begin(askOf(session, 100))!.params !== null);
  expect(kept).toEqual(["b", "c", "d"]);
});
