// Leg by leg, what the shapes and transcripts of the other tests do not show.

import { expect, test } from "bun:test";
import type { LegContext, WorkerFacts } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import type { Json } from "../../kv/json.ts";
import { readBootstrap } from "../../kv/mooncake_bootstrap.ts";

const { MooncakeConnector, NixlConnector, NixlPushConnector, P2pNcclConnector } = connectors;

const worker: WorkerFacts = {
  name: "prefill-0",
  role: "prefill",
  host: "127.0.0.1",
  httpPort: 8101,
  ports: { side_channel: 5600, bootstrap: 8998, kv_port: 21001 },
  tp: 2,
  dp: 1,
  pp: 1,
  engineId: "P0",
  engineIdByRank: { "0": "P0" },
};
const context: LegContext = {
  attemptId: "r-1",
  nonce: "00000006aaaaaaaaaaaaaaaaaaaaaaaa",
  api: "completions",
  prefill: worker,
  decode: { ...worker, name: "decode-0", role: "decode", httpPort: 8102, ports: { kv_port: 21003 }, engineId: "D0" },
};
const ranked = (dp: number): LegContext => ({ ...context, prefill: { ...worker, dp } });

test("P2P NCCL names both workers' KV addresses in one request id, and nothing else", () => {
  const id = "___prefill_addr_127.0.0.1:21001___decode_addr_127.0.0.1:21003_00000006aaaaaaaaaaaaaaaaaaaaaaaa";
  const edit = { set: {}, drop: [], headers: { "x-request-id": id } };
  expect(P2pNcclConnector.prefillLeg(context)).toEqual(edit);
  expect(P2pNcclConnector.decodeLeg(context, null)).toEqual({ is: "send", edit });
  // The patterns vLLM looks for.
  expect(/___prefill_addr_(.*):(\d+)___/.exec(id)?.slice(1)).toEqual(["127.0.0.1", "21001"]);
  expect(/___decode_addr_(.*):(\d+)/.exec(id)?.slice(1)).toEqual(["127.0.0.1", "21003"]);
});

test("P2P NCCL never sends decode a request whose id does not name the pair, which would stop the engine", () => {
  const decode = { ...context.decode, ports: {} };
  expect(P2pNcclConnector.decodeLeg({ ...context, decode }, null).is).toBe("no-handoff");
  expect(P2pNcclConnector.servesPlainRequests).toBe(false);
});

test("NIXL push names the rank, its engine id and its port alike when prefill has several", () => {
  const decode = NixlPushConnector.decodeLeg(ranked(4), null);
  expect(NixlPushConnector.prefillLeg(ranked(4)).headers).toEqual({
    "x-request-id": "r-1",
    "x-data-parallel-rank": "2",
  });
  expect(decode).toMatchObject({
    edit: { set: { kv_transfer_params: { remote_engine_id: "P0_dp2", remote_port: 5602, tp_size: 2 } } },
  });
});

test("Mooncake asks the engine of the rank it pins", () => {
  const pinned = { ...ranked(2), prefill: { ...worker, dp: 2, engineIdByRank: { "0": "a_dp0", "1": "a_dp1" } } };
  expect(MooncakeConnector.prefillLeg(pinned).headers).toEqual({ "x-data-parallel-rank": "0" });
  expect(MooncakeConnector.decodeLeg(pinned, null)).toMatchObject({
    edit: { set: { kv_transfer_params: { remote_engine_id: "a_dp0" } } },
  });
});

test("Mooncake keeps prefill's only token from stopping, and does not hand off where it cannot", () => {
  const { set, drop } = MooncakeConnector.prefillLeg(context);
  expect(set.min_tokens).toBe(1);
  expect(drop).toEqual(expect.arrayContaining(["stop", "stop_token_ids"]));
  expect(MooncakeConnector.decodeLeg({ ...context, api: "responses" }, null).is).toBe("no-handoff");
});

test("NIXL refuses params that name the decode engine itself", () => {
  const params = {
    do_remote_prefill: true,
    remote_engine_id: "D0",
    remote_request_id: "cmpl-1",
    remote_block_ids: [[1]],
    remote_host: "127.0.0.1",
    remote_port: 5600,
    tp_size: 1,
  };
  const legWith = (remote_engine_id: string) =>
    NixlConnector.decodeLeg(context, { params: { ...params, remote_engine_id }, raw: { rawJson: "{}" } });
  expect(legWith("D0")).toEqual({ is: "no-handoff", reason: "the params name decode-0 itself" });
  expect(legWith("D0_dp3").is).toBe("no-handoff");
  expect(legWith("D0_dpx").is).toBe("send");
  expect(legWith("D01").is).toBe("send");
});

test("readBootstrap() waits until every rank of every size has registered", () => {
  const rank = (engine_id: string) => ({
    engine_id,
    worker_addr: { "0": { "0": "tcp://h:1" }, "1": { "0": "tcp://h:2" } },
  });
  const sizes = { dp: 2, tp: 2, pp: 1 };
  expect(readBootstrap({ "0": rank("a_dp0"), "1": rank("a_dp1") }, sizes)).toEqual({ "0": "a_dp0", "1": "a_dp1" });
  expect(readBootstrap({ "0": rank("a_dp0") }, sizes)).toBeNull();
  expect(readBootstrap({ "0": rank("a_dp0"), "1": rank("a_dp1") }, { ...sizes, tp: 3 })).toBeNull();
  expect(readBootstrap({ "0": rank("a_dp0"), "1": rank("a_dp1") }, { ...sizes, pp: 2 })).toBeNull();
});

test("readBootstrap() knows no engine in an answer of another shape", () => {
  const answers: readonly Json[] = [null, [], {}, "x", { "0": null }, { "0": { engine_id: 5 } }, {
    "0": { engine_id: "a" },
  }];
  for (const answer of answers) expect(readBootstrap(answer, { dp: 1, tp: 1, pp: 1 })).toBeNull();
});

test("findConnector() points from a slip to the name that was meant, and not from another connector", () => {
  const nearest = (name: string) => {
    const found = findConnector(name);
    return found.is === "known" ? found.connector.name : found.nearest;
  };
  expect(nearest("NixlConnectr")).toBe("NixlConnector");
  expect(nearest("moooncake")).toBe("MooncakeConnector");
  expect(nearest("LMCacheConnector")).toBe("LMCacheConnectorV1");
  expect([nearest("HomeGrownConnector"), nearest("FooConnector"), nearest("x")]).toEqual([null, null, null]);
});
