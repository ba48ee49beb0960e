// Malformed and hostile requests on a real socket: each gets its status, and none leaves anything behind.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { nixl } from "../../kv/nixl.ts";
import { badRows } from "./bad_input/bad_rows.ts";
import { openStage, type Stage } from "./faults/fault_stage.ts";
import { completion, until } from "./open_fleet.ts";

test("the table has at least 150 requests, each of its own name", () => {
  expect(new Set(badRows.map(({ name }) => name)).size).toBe(badRows.length);
  expect(badRows.length).toBeGreaterThanOrEqual(150);
});

for (const server of ["own", "runtime"] as const) {
  describe(`the ${server} server`, () => {
    let stage: Stage;
    beforeAll(async () => stage = await openStage(nixl, ["prefill-0", "decode-0"], {}, server));
    afterAll(() => stage.close());

    for (const row of badRows) {
      const expected = server === "runtime" ? row.byRuntime ?? row.expect : row.expect;
      test(`${row.name}: ${expected}`, async () => {
        const socket = connect(Number(new URL(stage.url).port), "127.0.0.1");
        const answer = expected === "open"
          ? await nothingOf(socket, row.send, stage)
          : await answerOf(socket, row.send, row.half);
        expect(answer).toBe(expected);
        await untouched(stage);
      });
    }

    test("after all of it the router serves as before", async () => {
      const response = await fetch(`${stage.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(completion()),
      });
      expect(response.status).toBe(200);
      expect(stage.fleet.metric("pdserve_avoided")).toBeNull();
      if (server === "runtime") return;
      for (const status of [431, 505]) {
        const counted = stage.fleet.metric(`pdserve_rejected_total{reason="${status}"}`);
        expect(counted).toBe(badRows.filter((row) => row.expect === status).length);
      }
    });

    test("no client's KV params, ranks or names of workers have reached a worker", () => {
      const heads = stage.calls.map(({ head }) => head).join("\n");
      for (const sign of ["x-data-parallel-rank", "x-pdserve-"]) expect(heads.includes(sign)).toBe(false);
      for (const { json } of stage.calls) {
        expect(json.ec_transfer_params).toBeUndefined();
        expect(json.vllm_xargs).toBeUndefined();
      }
      const params = stage.calls.filter(({ worker }) => worker === "decode-0").map(({ json }) =>
        json.kv_transfer_params
      );
      for (const one of params) if (one !== undefined) expect(one.remote_host).toBe("127.0.0.1");
    });
  });
}

/** The status of the first answer; `closed` when there is none. */
async function answerOf(socket: Socket, send: Uint8Array | string, half?: true): Promise<number | "closed"> {
  let text = "";
  socket.on("data", (chunk) => text += chunk.toString("latin1"));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  // A server that refuses what it reads closes before it has read all of it.
  socket.write(typeof send === "string" ? Buffer.from(send, "latin1") : send);
  if (half) socket.end();
  await Promise.race([closed, until(() => text.includes("\r\n\r\n"))]);
  socket.destroy();
  await closed;
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  return status === undefined ? "closed" : Number(status);
}

/** Nothing is answered and no worker is asked, for as long as the request is not complete. */
async function nothingOf(socket: Socket, send: Uint8Array | string, stage: Stage): Promise<"open" | "answered"> {
  const before = stage.calls.length;
  let answered = false;
  socket.on("data", () => answered = true);
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(send, resolve));
  // Others are served meanwhile.
  await (await fetch(`${stage.url}/health`)).text();
  const isOpen = !answered && stage.calls.length === before;
  socket.destroy();
  return isOpen ? "open" : "answered";
}

async function untouched(stage: Stage): Promise<void> {
  const { fleet } = stage;
  const gauges = [
    "pdserve_in_flight",
    "pdserve_queued",
    'pdserve_kv_handles{state="opened"}',
    'pdserve_kv_handles{state="spent"}',
    'pdserve_upstream_sockets{state="busy"}',
    'pdserve_worker_in_flight{worker="prefill-0",role="prefill"}',
    'pdserve_worker_in_flight{worker="decode-0",role="decode"}',
    'pdserve_worker_handoffs{worker="prefill-0",role="prefill"}',
  ];
  await until(() => gauges.every((gauge) => fleet.metric(gauge) === 0));
}
