// The canary: what proves a handoff, and what a wrong wiring is told.

import { expect, test } from "bun:test";
import type { Connector } from "../../kv/connector.ts";
import { example } from "../../kv/example.ts";
import { noEdit } from "../../kv/leg_edit.ts";
import { nixl } from "../../kv/nixl.ts";
import { nixlPush } from "../../kv/nixl_push.ts";
import { type Call, type FakeFleet, makeFakeFleet, prefillBody } from "./fake_fleet.ts";

interface Counts {
  external: number;
  local: number;
  bytes: number;
}

/** Engines that count what they would: decode takes KV from outside when `fetches` says so. */
function provableFleet(
  connector: Connector,
  fetches: (decode: Call) => number,
  options: { bySource?: boolean; maxModelLen?: number; losesFirst?: boolean } = {},
) {
  const fleet = makeFakeFleet({ connector });
  const counts: Counts = { external: 100, local: 7, bytes: 4096 };
  const isOn = (role: "prefill" | "decode") => connector.proof.bytes?.on === role;
  const answerOf = (call: Call, role: "prefill" | "decode", work: () => void) => {
    if (call.path === "/v1/models") {
      return call.answer(200, { data: [{ id: "tiny", max_model_len: options.maxModelLen ?? 512 }] });
    }
    // Time passes between readings, so that a proof that waits for counters comes to its end.
    if (call.path === "/metrics" && !options.losesFirst) fleet.clock.nowMs += 1_000;
    if (call.path === "/metrics") {
      return call.answer(200, metricsOf(counts, role, isOn(role), options.bySource ?? true));
    }
    work();
  };
  fleet.script("prefill-0", (call) => answerOf(call, "prefill", () => call.answer(200, answerTo(call, "same"))));
  let isLost = options.losesFirst ?? false;
  fleet.script("decode-0", (call) =>
    answerOf(call, "decode", () => {
      if (isLost) return void (isLost = false);
      const moved = fetches(call);
      counts.external += moved;
      counts.local += call.json.prompt.length - moved;
      counts.bytes += moved * 10;
      call.answer(200, answerTo(call, "same"));
    }));
  return fleet;
}

const prove = (fleet: FakeFleet) => fleet.router.prove({ prefill: "prefill-0", decode: "decode-0" });
const all = (call: Call) => call.json.prompt.length;

test("prove() is proven by decode's own counters: all tokens from outside, none computed", async () => {
  const proof = await prove(provableFleet(nixl, all));
  expect(proof).toMatchObject({
    is: "proven",
    prefill: "prefill-0",
    decode: "decode-0",
    promptTokens: 288,
    movedTokens: 288,
    recomputedTokens: 0,
    bytes: 2880,
  });
});

test("prove() reads the bytes where the transfer starts: on prefill for a push", async () => {
  expect(await prove(provableFleet(nixlPush, all))).toMatchObject({ is: "proven", bytes: 2880 });
});

test("prove() wants bytes where an engine counts a prompt's tokens wherever they came from", async () => {
  const counting = (metric: string, unitBytes: number): Connector => ({
    ...nixlPush,
    proof: { covers: "prompt", bytes: { metric, on: "prefill", unitBytes, needed: true } },
  });
  const real = nixlPush.proof.bytes?.metric ?? "";
  expect(await prove(provableFleet(counting(real, 2), all))).toMatchObject({ is: "proven", bytes: 5760 });
  expect((await prove(provableFleet(counting("sglang:kv_transfer_total_mb_sum", 1), all))).is).toBe("refuted");
});

test("prove() asks again, under a new id, when the first push between two engines is lost", async () => {
  const fleet = provableFleet(nixlPush, all, { losesFirst: true });
  const proof = await fleet.router.prove({ prefill: "prefill-0", decode: "decode-0" }, { limitMs: 150 });
  expect(proof).toMatchObject({ is: "proven" });
  const canaries = fleet.callsTo("decode-0").filter(({ path }) => path === "/v1/completions");
  const ids = canaries.map((call) => call.headers["x-request-id"]);
  expect(ids.length).toBe(2);
  expect(new Set(ids).size).toBe(2);
});

test("prove() accepts a rest of a block from a connector that moves whole blocks", async () => {
  const proof = await prove(provableFleet(example, (call) => call.json.prompt.length - 32));
  expect(proof).toMatchObject({ is: "proven", movedTokens: 256, recomputedTokens: 32, bytes: null });
});

test("prove() asks a prompt that no cache has, through exactly the given pair", async () => {
  const fleet = provableFleet(nixl, all);
  await prove(fleet);
  await prove(fleet);
  const prompts = fleet.callsTo("decode-0").filter((call) => call.path === "/v1/completions").map((call) =>
    call.json.prompt
  );
  expect(prompts[0]).not.toEqual(prompts[1]);
  expect(prompts[0]).toHaveLength(288);
});

test("prove() stays within the model's context", async () => {
  const fleet = provableFleet(nixl, all, { maxModelLen: 128 });
  expect(await prove(fleet)).toMatchObject({ is: "proven", promptTokens: 120 });
});

test("a decode leg sabotaged to carry no kv_transfer_params is refuted by name", async () => {
  const sabotaged: Connector = { ...nixl, decodeLeg: () => ({ is: "send", edit: noEdit }) };
  const proof = await prove(provableFleet(sabotaged, () => 0));
  expect(proof).toMatchObject({ is: "refuted", diagnosis: { rule: "canary-not-moved" } });
  const { what, why } = (proof as Extract<typeof proof, { is: "refuted" }>).diagnosis;
  expect(what).toBe("decode-0 computed 288 of the canary's 288 prompt tokens itself; 0 came from prefill-0");
  expect(why).toContain("The decode leg carried no kv_transfer_params");
});

test("a decode worker that ignores its params is refuted although it answers 200", async () => {
  const proof = await prove(provableFleet(nixl, () => 0));
  const { why, fix } = (proof as Extract<typeof proof, { is: "refuted" }>).diagnosis;
  expect(why).toContain("decode-0 acted as if it got no kv_transfer_params");
  expect(fix).toContain("--kv-transfer-config");
});

test("a prefill worker that hands nothing over is refuted with what it failed to say", async () => {
  const fleet = provableFleet(nixl, all);
  const healthy = fleet.callsTo;
  fleet.script("prefill-0", (call) => call.answer(200, { ...prefillBody, kv_transfer_params: null }));
  const proof = await prove(fleet);
  expect((proof as Extract<typeof proof, { is: "refuted" }>).diagnosis.why).toContain(
    "prefill-0 answered without kv_transfer_params",
  );
  expect(healthy("decode-0").some((call) => call.path === "/v1/completions")).toBe(false);
});

test("a stumble of the first request is not held against the pair", async () => {
  const fleet = provableFleet(nixl, all);
  let failures = 0;
  fleet.script("prefill-0", (call) => {
    if (call.path === "/v1/completions" && failures++ === 0) call.answer(500, { error: { message: "warming up" } });
    else call.answer(200, answerTo(call, "same"));
  });
  expect((await prove(fleet)).is).toBe("proven");
});

test("an engine that does not count by source is judged by its external hits", async () => {
  const proof = await prove(provableFleet(nixl, all, { bySource: false }));
  expect(proof).toMatchObject({ is: "proven", movedTokens: 288, recomputedTokens: 0 });
});

test("text that differs from what prefill alone answers is a warning", async () => {
  const fleet = provableFleet(nixl, all);
  fleet.script("prefill-0", (call) => {
    call.answer(200, answerTo(call, call.json?.kv_transfer_params ? "same" : "other"));
  });
  expect((await prove(fleet)).is).toBe("proven");
  expect(fleet.log.join("\n")).toContain("text differs");
});

test("a proof works while the fleet is still starting and counts nobody's place", async () => {
  const fleet = provableFleet(nixl, all);
  fleet.change((snapshot) => ({
    ...snapshot,
    phase: "starting",
    workers: snapshot.workers.map((worker) => ({ ...worker, state: { is: "proving" as const } })),
  }));
  expect((await prove(fleet)).is).toBe("proven");
  expect(fleet.router.inFlight()).toBe(0);
});

function answerTo(call: Call, text: string): unknown {
  const prompt_tokens = call.json?.prompt?.length ?? 0;
  const choices = [{ index: 0, text, finish_reason: "length" }];
  return { ...prefillBody, choices, usage: { prompt_tokens, completion_tokens: 4, total_tokens: prompt_tokens + 4 } };
}

function metricsOf(counts: Counts, role: "prefill" | "decode", hasBytes: boolean, bySource: boolean): string {
  const lines = bySource
    ? [
      `vllm:prompt_tokens_by_source_total{engine="0",source="local_compute"} ${role === "decode" ? counts.local : 0}`,
      `vllm:prompt_tokens_by_source_total{engine="0",source="external_kv_transfer"} ${counts.external}.0`,
      `vllm:prompt_tokens_by_source_created{engine="0",source="external_kv_transfer"} 1.79e+09`,
    ]
    : [`vllm:external_prefix_cache_hits_total{engine="0"} ${counts.external}`];
  if (hasBytes) lines.push(`vllm:nixl_bytes_transferred_sum{engine="0"} ${counts.bytes}`);
  return `${lines.join("\n")}\n`;
}
