// The legs against transcripts of real vLLM 0.32.0 pairs: what pdserve sends is what made KV move there.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Connector, LegContext, WorkerFacts } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import type { LegEdit } from "../../kv/leg_edit.ts";
import { readBootstrap } from "../../kv/mooncake_bootstrap.ts";

interface Leg {
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly request: string;
  readonly reply: string;
}

interface Transcript {
  readonly prefill: Leg;
  readonly decode: Leg;
}

const { ExampleConnector, MooncakeConnector, NixlConnector, NixlPushConnector } = connectors;

test.each(["nixl", "nixl_chat", "nixl_tp2", "multi"])("NIXL asks prefill what the real pair was asked (%s)", (name) => {
  const { prefill } = fixture<Transcript>(name);
  const legs = legsOf(NixlConnector, contextOf({}), prefill.reply);
  expect(legs.prefill.set.kv_transfer_params).toEqual(paramsIn(prefill.request));
});

test.each(["nixl", "nixl_chat", "nixl_tp2", "nixl_dp2", "multi"])(
  "NIXL tells decode what prefill said (%s)",
  (name) => {
    const { prefill, decode } = fixture<Transcript>(name);
    const legs = legsOf(NixlConnector, contextOf({}), prefill.reply);
    expect(legs.decode.set.kv_transfer_params).toEqual({ rawJson: JSON.stringify(paramsIn(prefill.reply)) });
    expect(paramsIn(prefill.reply)).toEqual(paramsIn(decode.request));
  },
);

test.each(["nixl_push", "nixl_push_chat"])("NIXL push legs are those of the real pair (%s)", (name) => {
  const { prefill, decode } = fixture<Transcript>(name);
  const attemptId = prefill.headers["x-request-id"] ?? "";
  const legs = legsOf(NixlPushConnector, contextOf({ attemptId, engineId: "P0", ports: { side_channel: 5610 } }), null);
  expect(legs.prefill.set.kv_transfer_params).toEqual(paramsIn(prefill.request));
  expect(legs.decode.set.kv_transfer_params).toEqual(paramsIn(decode.request));
  expect(legs.prefill.headers).toEqual(prefill.headers);
  expect(legs.decode.headers).toEqual(decode.headers);
});

test("Mooncake legs are those of the real pair, with what its bootstrap server told", () => {
  const { prefill, decode } = fixture<Transcript>("mooncake");
  const engineIdByRank = readBootstrap(fixture("mooncake_query"), { tp: 1, dp: 1, pp: 1 }) ?? {};
  const attemptId = "concurrent-1795254512";
  const legs = legsOf(MooncakeConnector, contextOf({ attemptId, engineIdByRank, ports: { bootstrap: 8998 } }), null);
  expect(legs.prefill.set).toEqual({ kv_transfer_params: paramsIn(prefill.request), min_tokens: 1 });
  expect(legs.decode.set.kv_transfer_params).toEqual(paramsIn(decode.request));
});

test("ExampleConnector's legs carry nothing, as in the real pair", () => {
  const { prefill, decode } = fixture<Transcript>("example");
  expect([paramsIn(prefill.request), paramsIn(decode.request)]).toEqual([undefined, undefined]);
  const nothing = { set: {}, drop: [], headers: {} };
  expect(legsOf(ExampleConnector, contextOf({}), prefill.reply)).toEqual({ prefill: nothing, decode: nothing });
});

const nixlAndFiles = findConnector("MultiConnector", {
  connectors: [{ kv_connector: "NixlConnector" }, { kv_connector: "ExampleConnector" }],
}).connector;

test.each(["multi", "multi_chat"])(
  "MultiConnector of NIXL and files sends what NIXL's real pair was sent (%s)",
  (name) => {
    const { prefill, decode } = fixture<Transcript>(name);
    const legs = legsOf(nixlAndFiles, contextOf({}), prefill.reply);
    expect(legs.prefill.set.kv_transfer_params).toEqual(paramsIn(prefill.request));
    expect(legs.decode.set.kv_transfer_params).toEqual({ rawJson: JSON.stringify(paramsIn(decode.request)) });
  },
);

test("MultiConnector takes a prefill reply without params for no handoff, though its second connector has the KV", () => {
  const { prefill } = fixture<Transcript>("multi_plain");
  expect(paramsIn(prefill.reply)).toBeNull();
  expect(nixlAndFiles.decodeLeg(contextOf({}), { params: null, raw: null }).is).toBe("no-handoff");
});

test("LMCacheMPConnector's legs carry nothing, as in the real pair that shared a server", () => {
  const { prefill, decode } = fixture<Transcript>("lmcache_mp");
  expect([paramsIn(prefill.request), paramsIn(decode.request)]).toEqual([undefined, undefined]);
  expect(paramsIn(prefill.reply)).toBeNull();
  const nothing = { set: {}, drop: [], headers: {} };
  expect(legsOf(connectors.LMCacheMPConnector, contextOf({}), prefill.reply))
    .toEqual({ prefill: nothing, decode: nothing });
});

function legsOf(
  connector: Connector,
  context: LegContext,
  reply: string | null,
): { prefill: LegEdit; decode: LegEdit } {
  const params = reply === null ? null : paramsIn(reply) ?? null;
  const raw = params === null ? null : { rawJson: JSON.stringify(params) };
  const decode = connector.decodeLeg(context, reply === null ? null : { params, raw });
  if (decode.is === "no-handoff") throw new Error(decode.reason);
  return { prefill: connector.prefillLeg(context), decode: decode.edit };
}

function contextOf(known: Partial<WorkerFacts> & { readonly attemptId?: string }): LegContext {
  const { attemptId = "r-1", ...facts } = known;
  const worker = { host: "127.0.0.1", tp: 1, dp: 1, pp: 1, ports: {}, engineId: null, engineIdByRank: {} };
  return {
    attemptId,
    nonce: "0123456789abcdef0123456789abcdef",
    api: "completions",
    prefill: { ...worker, ...facts, name: "prefill-0", role: "prefill", httpPort: 8101 },
    decode: { ...worker, name: "decode-0", role: "decode", httpPort: 8102 },
  };
}

function paramsIn(body: string) {
  return JSON.parse(body).kv_transfer_params;
}

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/kv/${name}.json`, import.meta.url), "utf8"));
}
