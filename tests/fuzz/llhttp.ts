// llhttp, Node's HTTP parser, as the reference: the WebAssembly build that undici ships, fed from memory.

import { createRequire } from "node:module";

export interface ReferenceReading {
  /** Null for a request, and before the head of a final answer. */
  readonly status: number | null;
  /** What a request asks for, as it is written; empty for an answer. */
  readonly target: string;
  readonly body: Buffer;
  /** `keep` and `close`: a complete answer; `refused`: an error; `cut`: the input ended inside the answer. */
  readonly outcome: "keep" | "close" | "refused" | "cut";
  /** llhttp's own word for an error. */
  readonly reason: string;
}

interface Llhttp {
  readonly memory: WebAssembly.Memory;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, data: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  malloc(bytes: number): number;
  free(address: number): void;
}

const require = createRequire(import.meta.url);
const wasmModule = "undici/lib/llhttp/llhttp-wasm.js";
const requestType = 1;
const responseType = 2;
const errorOk = 0;
const errorPaused = 21;

interface Reading {
  /** Of the request that is answered; null for a request itself. */
  readonly method: string | null;
  target: string;
  status: number | null;
  isFinal: boolean;
  keepAlive: boolean;
  complete: boolean;
  chunks: Buffer[];
}

let reading: Reading | null = null;
let llhttp: Llhttp | null = null;

/** Whether the development dependency is installed. */
export function hasLlhttp(): boolean {
  try {
    return require.resolve(wasmModule) !== "";
  } catch {
    return false;
  }
}

/** Reads the first request in `reads`, then the end of the connection. */
export function readRequestWithLlhttp(reads: readonly Uint8Array[]): ReferenceReading {
  return readFirst(null, reads);
}

/** Reads the first final answer in `reads`, then the end of the connection. */
export function readWithLlhttp(method: string, reads: readonly Uint8Array[]): ReferenceReading {
  return readFirst(method, reads);
}

function readFirst(method: string | null, reads: readonly Uint8Array[]): ReferenceReading {
  const wasm = llhttp ??= instantiate();
  const parser = wasm.llhttp_alloc(method === null ? requestType : responseType);
  const begun = { status: null, isFinal: false, keepAlive: false, complete: false };
  const seen: Reading = { method, target: "", chunks: [], ...begun };
  reading = seen;
  try {
    let error = errorOk;
    for (const read of reads) {
      if (read.length > 0) error = execute(wasm, parser, read);
      if (error !== errorOk) break;
    }
    if (error === errorOk && !seen.complete) error = wasm.llhttp_finish(parser);
    return {
      status: seen.isFinal && method !== null ? seen.status : null,
      target: seen.target,
      body: Buffer.concat(seen.chunks),
      ...conclude(wasm, parser, seen, error),
    };
  } finally {
    reading = null;
    wasm.llhttp_free(parser);
  }
}

function conclude(
  wasm: Llhttp,
  parser: number,
  seen: Reading,
  error: number,
): Pick<ReferenceReading, "outcome" | "reason"> {
  if (seen.complete) return { outcome: seen.keepAlive ? "keep" : "close", reason: "" };
  if (error === errorOk) return { outcome: "cut", reason: "" };
  const address = wasm.llhttp_get_error_reason(parser);
  const bytes = new Uint8Array(wasm.memory.buffer, address);
  const reason = Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString("latin1");
  return { outcome: reason === "Invalid EOF state" ? "cut" : "refused", reason };
}

function execute(wasm: Llhttp, parser: number, read: Uint8Array): number {
  const address = wasm.malloc(read.length);
  new Uint8Array(wasm.memory.buffer, address, read.length).set(read);
  const error = wasm.llhttp_execute(parser, address, read.length);
  wasm.free(address);
  return error;
}

function instantiate(): Llhttp {
  const bytes: Buffer = require(wasmModule);
  const ignore = (): number => 0;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)), {
    env: {
      wasm_on_url(_parser: number, at: number, length: number) {
        reading!.target += Buffer.from(new Uint8Array(llhttp!.memory.buffer, at, length)).toString("latin1");
        return 0;
      },
      wasm_on_status: ignore,
      wasm_on_header_field: ignore,
      wasm_on_header_value: ignore,
      wasm_on_message_begin: ignore,
      wasm_on_headers_complete(_parser: number, status: number, _upgrade: number, keepAlive: number) {
        reading!.status = status;
        reading!.isFinal = reading!.method === null || status >= 200;
        reading!.keepAlive = keepAlive === 1;
        return reading!.isFinal && reading!.method === "HEAD" ? 1 : 0;
      },
      wasm_on_body(_parser: number, at: number, length: number) {
        if (reading!.isFinal) reading!.chunks.push(Buffer.from(new Uint8Array(llhttp!.memory.buffer, at, length)));
        return 0;
      },
      wasm_on_message_complete() {
        reading!.complete = reading!.isFinal;
        return reading!.isFinal ? errorPaused : errorOk;
      },
    },
  });
  const exports = instance.exports as unknown as Llhttp & { _initialize(): void };
  exports._initialize();
  return exports;
}
