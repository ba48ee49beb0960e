// Each line of the table of troubles: what is done to pdserve and its workers, and what came of it in a few words.

import type { TroubleBench } from "./trouble_bench.ts";
import {
  ask,
  leaving,
  openStream,
  passedOn,
  recovery,
  seconds,
  signed,
  streaming,
  told,
  whileDown,
  within,
  yes,
} from "./trouble_steps.ts";
import { answer, beginStream, token } from "./trouble_worker.ts";

export interface Probe {
  readonly name: string;
  /** What vllm-router 0.1.17, smg 1.13.0 and a FastAPI toy proxy did on the same kind of bench (2026-11-21). */
  readonly peers: readonly [vllmRouter: string, smg: string, toy: string];
  readonly run: (bench: TroubleBench) => Promise<string>;
}

export const probes: readonly Probe[] = [
  {
    name: "decode killed mid-stream",
    peers: ["cut", "error event + [DONE]", "cut"],
    async run({ decode, post }) {
      decode.behave(({ response }) => {
        beginStream(response);
        response.write(token("the "), () => response.destroy());
      });
      const text = await (await post(streaming)).text().catch(() => null);
      if (text === null) return "cut";
      return text.includes('"error"') && text.endsWith("data: [DONE]\n\n") ? "error event + [DONE]" : "silent end";
    },
  },
  {
    name: "next request, decode down",
    peers: ["500 text, shows the worker's URL", "502 JSON after 0.5 s, then 503", "200, cut, empty"],
    run: (bench) => whileDown(bench, "decode"),
  },
  {
    name: "prefill down",
    peers: ["500 text", "502 JSON after 0.8 s, then 503", "500 text"],
    run: (bench) => whileDown(bench, "prefill"),
  },
  {
    name: "recovery after 13 failures",
    peers: ["at once", "60 s", "at once"],
    run: (bench) => recovery(bench, 13),
  },
  { name: "recovery after 1 failure", peers: ["at once", "at once", "at once"], run: (bench) => recovery(bench, 1) },
  {
    name: "client gone mid-stream, decode aborted",
    peers: ["at once", "at the next token", "at once"],
    run: (bench) => leaving(bench, 50),
  },
  {
    name: "same, decode silent after one token",
    peers: ["at once", "not within 45 s", "at once"],
    run: (bench) => leaving(bench, null),
  },
  {
    name: "client gone during prefill: prefill aborted / decode called",
    peers: ["yes / no", "yes / no", "no / no"],
    async run({ prefill, decode, post }) {
      const asked = Promise.withResolvers<void>();
      prefill.behave(() => asked.resolve());
      const client = new AbortController();
      const answering = post(ask(), client.signal).catch(() => null);
      await asked.promise;
      client.abort();
      await answering;
      const aborted = await within(2_000, prefill.requests[0]!.left);
      return `${aborted ? "yes" : "no"} / ${decode.requests.length > 0 ? "yes" : "no"}`;
    },
  },
  {
    name: "client gone, answer without a stream pending: decode aborted",
    peers: ["yes", "yes", "yes"],
    async run({ decode, post }) {
      const asked = Promise.withResolvers<void>();
      decode.behave(() => asked.resolve());
      const client = new AbortController();
      const answering = post(ask(), client.signal).catch(() => null);
      await asked.promise;
      client.abort();
      await answering;
      return await within(2_000, decode.requests[0]!.left) ? "yes" : "no";
    },
  },
  {
    name: "20 MB body: status, memory after minus before",
    peers: ["200, +20 MB", "200, +20 MB", "200, +80 MB"],
    async run({ post, memoryMb }) {
      const before = memoryMb();
      const response = await post(ask({ prompt: "a".repeat(20 * 1024 * 1024) }));
      await response.text();
      return `${response.status}, ${signed(memoryMb() - before)} MB`;
    },
  },
  {
    name: "truncated JSON",
    peers: ["400 text", "400 JSON", "500"],
    run: ({ post }) => told(post('{"model":"m","prompt":')),
  },
  {
    name: "`[1,2]` / empty body",
    peers: ["422 / 400", "400 / 400", "500 / 500"],
    run: async ({ post }) => `${await told(post("[1,2]"))} / ${await told(post(""))}`,
  },
  {
    name: "client's kv_transfer_params reach decode, prefill has its own / has none",
    peers: ["no / no", "no / **yes**", "no / **yes**"],
    async run({ prefill, decode, post }) {
      const theirs = { kv_transfer_params: { do_remote_prefill: true, remote_host: "theirs" } };
      await (await post(ask(theirs))).text();
      const own = decode.requests.some(({ text }) => text.includes("theirs"));
      prefill.behave(({ response }) => answer(response, 200, { choices: [], kv_transfer_params: null }));
      await (await post(ask(theirs))).text();
      return `${yes(own)} / ${yes(decode.requests.some(({ text }) => text.includes("theirs")))}`;
    },
  },
  {
    name: "prefill hands nothing over",
    peers: ["200, silent", "200, silent", "200, silent"],
    async run({ prefill, post }) {
      prefill.behave(({ response }) => answer(response, 200, { choices: [], kv_transfer_params: null }));
      const response = await post(ask());
      const { error } = await response.json() as { error?: { message: string } };
      return error === undefined
        ? `${response.status}, silent`
        : `${response.status}, told: ${error.message.split(";")[0]}`;
    },
  },
  {
    name: "prefill answers 400 / 429",
    peers: ["400 / 429, retry-after lost", "rewritten, 429 tried 5 times", "500 / 500"],
    run: (bench) => passedOn(bench, "prefill", [400, 429]),
  },
  {
    name: "prefill answers 500 / 503",
    peers: ["500 / 500", "500 / 503, 5 tries", "500 / 500"],
    run: (bench) => passedOn(bench, "prefill", [500, 503]),
  },
  {
    name: "decode answers 400 / 429 / 500 / 503 to a stream",
    peers: ["same", "same status, body cut short, 5 pairs", "200, cut, empty"],
    run: (bench) => passedOn(bench, "decode", [400, 429, 500, 503]),
  },
  {
    name: "600 MB stream, reader of 35 KB/s, 8 s: memory grows",
    peers: ["2.4 MB", "2.7 MB", "9.0 MB"],
    async run({ decode, post, memoryMb }) {
      const piece = token("a".repeat(64 * 1024));
      decode.behave(async ({ response, left }) => {
        beginStream(response);
        for (let i = 0; i < 9_600 && !response.destroyed; i++) {
          if (!response.write(piece)) {
            await Promise.race([
              left,
              new Promise((resolve) => response.once("drain", resolve)),
            ]);
          }
        }
        response.end();
      });
      const before = memoryMb();
      const client = new AbortController();
      const reader = (await post(streaming, client.signal)).body!.getReader();
      const untilMs = performance.now() + 8_000;
      let most = 0;
      while (performance.now() < untilMs) {
        const { value } = await reader.read();
        await Bun.sleep((value?.length ?? 0) / 35);
        most = Math.max(most, memoryMb() - before);
      }
      client.abort();
      return `${most.toFixed(1)} MB`;
    },
  },
  {
    name: "1,000 idle streams: KB of memory each / all gone when the clients leave",
    peers: ["88 / 0.4 s", "55 / 1,000 open after 10 s", "57 / 0.8 s"],
    async run({ decode, url, memoryMb }) {
      decode.behave(({ response }) => {
        beginStream(response);
        response.write(token("a"));
      });
      const before = memoryMb();
      // Sockets of their own: this runtime's fetch opens 256 at most.
      const clients = await Promise.all(Array.from({ length: 1_000 }, () => openStream(url)));
      await Bun.sleep(2_000);
      const each = (memoryMb() - before) * 1_024 / clients.length;
      const leftMs = performance.now();
      for (const client of clients) client.destroy();
      while (decode.open() > 0 && performance.now() - leftMs < 10_000) await Bun.sleep(5);
      const open = decode.open();
      return `${each.toFixed(0)} / ${
        open > 0 ? `${open} open after 10 s` : `${seconds(performance.now() - leftMs)} s`
      }`;
    },
  },
  {
    name: "both workers restarted, next request",
    peers: ["200", "200", "200"],
    async run({ prefill, decode, post }) {
      for (const worker of [prefill, decode]) {
        await worker.die();
        await worker.comeBack();
      }
      return await told(post(ask()));
    },
  },
  {
    name: "SIGTERM with a stream of 6.5 s open",
    peers: ["drained, 6.8 s", "drained, 6.7 s", "drained, 6.9 s"],
    async run({ decode, post, terminate }) {
      decode.behave(async ({ response }) => {
        beginStream(response);
        for (let i = 0; i < 65; i++) {
          response.write(token(`${i} `));
          await Bun.sleep(100);
        }
        response.end("data: [DONE]\n\n");
      });
      const response = await post(streaming);
      const reading = response.text().catch(() => "");
      const { tookMs } = await terminate();
      return `${(await reading).endsWith("data: [DONE]\n\n") ? "drained" : "cut"}, ${seconds(tookMs)} s`;
    },
  },
];
