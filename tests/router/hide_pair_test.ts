// No worker's address in an answer, also where the connector puts addresses into request ids.

import { expect, test } from "bun:test";
import { p2pNccl } from "../../kv/p2p_nccl.ts";
import { pairHider } from "../../router/hide_pair.ts";
import { type Call, completion, eventStream, makeFakeFleet } from "./fake_fleet.ts";

const mine = { headers: { "x-request-id": "mine" } };
const idOf = (call: Call) => `cmpl-${call.headers["x-request-id"]}`;

test("P2P NCCL: both legs carry the pair's addresses, the client sees its own id", async () => {
  const fleet = makeFakeFleet({ connector: p2pNccl });
  fleet.script("decode-0", (call) => call.answer(200, { id: idOf(call), choices: [{ text: "x" }] }));
  const response = await fleet.post("/v1/completions", completion(), mine);
  for (const call of fleet.calls) expect(call.headers["x-request-id"]).toStartWith("___prefill_addr_127.0.0.1:");
  expect(await response.json()).toEqual({ id: "cmpl-mine", choices: [{ text: "x" }] });
});

test("P2P NCCL: the same in every event of a stream, wherever its pieces end", async () => {
  const fleet = makeFakeFleet({ connector: p2pNccl });
  fleet.script("decode-0", async (call) => {
    const event = `data: {"id":"${idOf(call)}","choices":[{"text":"_"}]}\n\n`;
    call.head(200, eventStream);
    for (
      const piece of [event.slice(0, 40), event.slice(40) + event.slice(0, 25), `${event.slice(25)}data: [DONE]\n\n`]
    ) {
      await call.data(piece);
    }
    call.end();
  });
  const text = await (await fleet.post("/v1/completions", completion({ stream: true }), mine)).text();
  const event = 'data: {"id":"cmpl-mine","choices":[{"text":"_"}]}\n\n';
  expect(text).toBe(`${event}${event}data: [DONE]\n\n`);
});

test("P2P NCCL: an engine's error that quotes the id does not tell addresses either", async () => {
  const fleet = makeFakeFleet({ connector: p2pNccl });
  fleet.script("prefill-0", (call) => call.answer(400, { error: { message: `bad request ${idOf(call)}`, code: 400 } }));
  const response = await fleet.post("/v1/completions", completion(), mine);
  expect(await response.text()).not.toContain("127.0.0.1");
});

test("pairHider() gives the same whatever the pieces", () => {
  const whole = "a__needle__b__needl __needle____needle__c";
  for (let size = 1; size < whole.length; size++) {
    const hide = pairHider("__needle__", "N");
    let out = "";
    for (let at = 0; at < whole.length; at += size) {
      out += new TextDecoder().decode(hide(new TextEncoder().encode(whole.slice(at, at + size))));
    }
    expect(out).toBe("aNb__needl NNc");
  }
});
