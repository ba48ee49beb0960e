// `npm run streams`: 1,000 streams of one token a second and 2,000 requests that wait for their first byte, all at once, for a
// minute. None may be cut or reset; pdserve's memory is told.

import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { openTroubleBench } from "./trouble/trouble_bench.ts";
import { beginStream, token, type WorkerRequest } from "./trouble/trouble_worker.ts";

const STREAMS = 1_000;
const WAITING = 2_000;
const SECONDS = 60;

interface Client {
  readonly socket: Socket;
  tokens: number;
  isDone: boolean;
  isCut: boolean;
}

const binary = process.env.PDSERVE_BINARY ?? join(import.meta.dir, "../dist/pdserve");
const bench = await openTroubleBench(binary, ["--max-handoffs", "4096"]);
const beforeMb = bench.memoryMb();
const waiting: WorkerRequest[] = [];
bench.decode.behave((request) => request.json.stream === true ? drip(request) : void waiting.push(request));

const streams = Array.from({ length: STREAMS }, () => ask(true));
const idle = Array.from({ length: WAITING }, () => ask(false));
while (waiting.length < WAITING || bench.decode.open() < STREAMS + WAITING) await Bun.sleep(50);
const openMb = bench.memoryMb();
while (streams.some(({ isDone, isCut }) => !isDone && !isCut)) await Bun.sleep(200);
const reset = idle.filter(({ isCut }) => isCut).length;
for (const { response } of waiting) response.writeHead(200, { "content-type": "application/json" }).end("{}");
while (idle.some(({ isDone, isCut }) => !isDone && !isCut)) await Bun.sleep(50);

const complete = streams.filter(({ tokens, isCut }) => tokens === SECONDS && !isCut).length;
const answered = idle.filter(({ isDone }) => isDone).length;
console.log(`${complete} of ${STREAMS} streams of ${SECONDS} s complete, every token once`);
console.log(`${answered} of ${WAITING} requests answered after waiting as long, ${reset} reset`);
console.log(`memory ${beforeMb.toFixed(0)} MB before, ${openMb.toFixed(0)} MB with all of them open`);
for (const { socket } of [...streams, ...idle]) socket.destroy();
await bench.close();
process.exit(complete === STREAMS && answered === WAITING && reset === 0 ? 0 : 1);

async function drip({ response }: WorkerRequest): Promise<void> {
  beginStream(response);
  for (let i = 0; i < SECONDS; i++) {
    response.write(token(`${i} `));
    await Bun.sleep(1_000);
  }
  response.end("data: [DONE]\n\n");
}

function ask(stream: boolean): Client {
  const body = JSON.stringify({ model: "m", prompt: "Hello", stream });
  const client: Client = {
    socket: connect(Number(new URL(bench.url).port), "127.0.0.1"),
    tokens: 0,
    isDone: false,
    isCut: false,
  };
  const head = [
    "POST /v1/completions HTTP/1.1",
    "host: a",
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  client.socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  client.socket.on("error", () => {});
  client.socket.on("close", () => client.isCut = !client.isDone);
  client.socket.on("data", (chunk) => {
    const text = chunk.toString("latin1");
    client.tokens += text.split('"choices"').length - 1;
    client.isDone ||= text.includes("[DONE]") || (!stream && text.includes(" 200 "));
  });
  return client;
}
