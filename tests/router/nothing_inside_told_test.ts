// What a client can read of the inside, with workers that tell all they know: the two workers' names, in headers made for it.

import { expect, test } from "bun:test";
import type { Connector } from "../../kv/connector.ts";
import { connectors, findConnector, sglangConnectors } from "../../kv/index.ts";
import {
  type Call,
  completion,
  decodeBody,
  eventStream,
  makeFakeFleet,
  prefillBody,
  replyParams,
} from "./fake_fleet.ts";

const all: readonly Connector[] = [...Object.values(connectors), ...Object.values(sglangConnectors)];
const children = ["NixlConnector", "ExampleConnector"].map((name) => ({ kv_connector: name, kv_role: "kv_producer" }));
const multi = findConnector("MultiConnector", { connectors: children }).connector;
const handingOver = [...all, multi].filter(({ cannotHandOver }) => cannotHandOver === undefined);
/** Of `workerNamed()`: host, first ports, engine ids. */
const addresses = /127\.0\.0\.1|\b(5600|8998|14579|6301|61005)\b|engine-of|http:\/\/|kv-|xfer-|tx-|_addr_/;
const names = /prefill-\d|decode-\d/;
const ownHeaders = ["x-pdserve-prefill", "x-pdserve-decode"];

/** As vLLM makes an answer's id, and with headers that no client should see. */
const idOf = ({ headers }: Call) => `cmpl-${headers["x-request-id"]}`;
const talkative = {
  "content-type": "application/json",
  server: "uvicorn on 127.0.0.1:5600",
  "x-request-id": "kv-inside",
  "x-worker": "decode-0",
};

function openFleet(connector: Connector) {
  const fleet = makeFakeFleet({ connector });
  fleet.script("prefill-0", (call) => call.answer(200, { ...prefillBody, id: idOf(call) }, talkative));
  fleet.script("decode-0", (call) => {
    // D's own params, as NIXL's bidirectional transfer puts them into answers that are no streams.
    const body = {
      ...decodeBody,
      id: idOf(call),
      kv_transfer_params: { ...replyParams, remote_engine_id: "engine-of-decode-0" },
    };
    if (call.json?.stream !== true) return call.answer(200, body, talkative);
    call.head(200, { ...talkative, ...eventStream });
    for (const text of ["the ", "answer"]) call.data(`data: {"id":"${idOf(call)}","choices":[{"text":"${text}"}]}\n\n`);
    call.data("data: [DONE]\n\n");
    call.end();
  });
  return fleet;
}

/** Headers and body as one text, without the headers made to name workers. */
async function allOf(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => !ownHeaders.includes(name));
  return `${headers.map((header) => header.join(": ")).join("\n")}\n\n${await response.text()}`;
}

for (const connector of handingOver) {
  test.each([false, true])(`${connector.name}: an answer tells nothing of the inside, stream %p`, async (stream) => {
    const fleet = openFleet(connector);
    const response = await fleet.post("/v1/completions", completion({ stream }), {
      headers: { "x-request-id": "mine" },
    });
    expect(response.status).toBe(200);
    const told = await allOf(response);
    expect(told).toContain("answer");
    expect(told).not.toMatch(addresses);
    expect(told).not.toMatch(names);
    expect(told).toMatch(/"id":"cmpl-mine(-[0-9a-f]{12})?"/);
  });

  test(`${connector.name}: the answer's id is the request's own, where the client sent none`, async () => {
    const response = await openFleet(connector).post("/v1/completions", completion());
    const { id } = await response.json() as { id: string };
    expect(id).toBe(`cmpl-${response.headers.get("x-request-id")}`);
  });

  test(`${connector.name}: an error of pdserve's own tells no address`, async () => {
    for (const worker of ["prefill-0", "decode-0"]) {
      const fleet = openFleet(connector);
      fleet.script(worker, (call) => call.fail("reset"));
      const response = await fleet.post("/v1/completions", completion());
      expect(response.status).toBeGreaterThanOrEqual(500);
      expect(await allOf(response)).not.toMatch(addresses);
    }
  });
}
