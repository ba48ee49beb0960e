// What several probes do: ask, kill and bring back, leave, and put what came of it in a few words.

import { connect, type Socket } from "node:net";
import type { TroubleBench } from "./trouble_bench.ts";
import { answer, beginStream, goodPrefill, token } from "./trouble_worker.ts";

export const ask = (extra: Record<string, unknown> = {}) => ({ model: "m", prompt: "Hello", max_tokens: 8, ...extra });
export const streaming = ask({ stream: true });

/** A client that has got the first of its stream and waits for more. */
export async function openStream(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const body = JSON.stringify(streaming);
  const head = [
    "POST /v1/completions HTTP/1.1",
    "host: a",
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await new Promise((resolve) => socket.once("data", resolve));
  return socket;
}

export async function whileDown({ prefill, decode, post }: TroubleBench, role: "prefill" | "decode"): Promise<string> {
  const worker = { prefill, decode }[role];
  await worker.die();
  try {
    const startedMs = performance.now();
    const response = await post(ask());
    const took = seconds(performance.now() - startedMs);
    const text = await response.text();
    const shows = text.includes(String(worker.port)) ? ", shows the worker's address" : "";
    const again = response.headers.has("retry-after") ? ", Retry-After" : "";
    return `${response.status} ${isJson(text) ? "JSON" : "text"}${again}${shows}, ${took} s`;
  } finally {
    await worker.comeBack();
  }
}

export async function recovery({ decode, post }: TroubleBench, failures: number): Promise<string> {
  await decode.die();
  for (let i = 0; i < failures; i++) await (await post(ask())).text();
  await decode.comeBack();
  const startedMs = performance.now();
  for (let tries = 1;; tries++) {
    if ((await post(ask())).status === 200) {
      return tries === 1 ? "at once" : `${seconds(performance.now() - startedMs)} s`;
    }
    await Bun.sleep(50);
  }
}

export async function leaving({ decode, post }: TroubleBench, paceMs: number | null): Promise<string> {
  decode.behave(async ({ response }) => {
    beginStream(response);
    response.write(token("one"));
    while (paceMs !== null && !response.destroyed) {
      await Bun.sleep(paceMs);
      response.write(token("more"));
    }
  });
  const client = new AbortController();
  const reader = (await post(streaming, client.signal)).body!.getReader();
  await reader.read();
  const leftMs = performance.now();
  client.abort();
  const gone = await within(10_000, decode.requests[0]!.left);
  const tookMs = performance.now() - leftMs;
  return !gone ? "not within 10 s" : tookMs < 40 ? "at once" : `${seconds(tookMs)} s`;
}

export async function passedOn(
  bench: TroubleBench,
  role: "prefill" | "decode",
  statuses: readonly number[],
): Promise<string> {
  const worker = { prefill: bench.prefill, decode: bench.decode }[role];
  const seen: string[] = [];
  for (const status of statuses) {
    const error = { error: { message: `engine says ${status}`, code: status } };
    bench.prefill.behave(goodPrefill);
    worker.behave(({ response }) => answer(response, status, error, { "retry-after": "7" }));
    const response = await bench.post(role === "decode" ? streaming : ask());
    const isSame = await response.text() === JSON.stringify(error) && response.headers.get("retry-after") === "7";
    const tries = worker.requests.length > 1 ? ` (${worker.requests.length} tries)` : "";
    seen.push(`${response.status}${isSame ? "" : " changed"}${tries}`);
  }
  return `${seen.join(" / ")}, body and retry-after kept`.replace(/^(.*changed.*),.*$/, "$1");
}

export async function told(answering: Promise<Response>): Promise<string> {
  const response = await answering;
  const text = await response.text();
  return response.status === 200 ? "200" : `${response.status} ${isJson(text) ? "JSON" : "text"}`;
}

export async function within(limitMs: number, event: Promise<void>): Promise<boolean> {
  return await Promise.race([event.then(() => true), Bun.sleep(limitMs).then(() => false)]);
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text).error.message === "string";
  } catch {
    return false;
  }
}

export function yes(is: boolean): string {
  return is ? "**yes**" : "no";
}

export function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

export function signed(mb: number): string {
  return `${mb < 0 ? "-" : "+"}${Math.abs(mb).toFixed(0)}`;
}
