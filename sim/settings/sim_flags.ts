// The simulator's own flags: one table for parsing, defaults and `sim-engine --help`.

export interface SimFlag {
  readonly name: string;
  /** `null` for a switch. */
  readonly value: "ms" | "n" | "text" | "file" | readonly string[] | null;
  readonly fallback: string;
  readonly help: string;
}

/** The release whose recordings the simulator is held to. */
export const PLAYED_VERSION = "0.32.0";

export const simFlags = [
  text("vllm-version", PLAYED_VERSION, "the vLLM version to play; connectors and fields follow it"),
  ms("startup-ms", "150", "from the first log line to /health 200"),
  ms("load-ms", "0", "extra time in loading weights, with progress bars"),
  ms("prefill-ms-per-1k", "0", "computing 1000 prompt tokens"),
  ms("decode-ms-per-token", "0", "one decode step, whatever the batch"),
  ms("transfer-ms-per-block", "0", "moving one KV block"),
  count("transfer-mb-per-s", "0", "KV bandwidth in MB/s; 0 is unlimited"),
  ms("handshake-timeout-ms", "5000", "until a KV peer that is not there counts as failed"),
  ms("death-ms", "1000", "from the engine's death to the end of the API server"),
  ms("mooncake-abort-ms", "480000", "Mooncake's wait for KV that nobody asks for"),
  count("kv-blocks", "0", "size of the KV cache; 0 takes it from --kv-cache-memory-bytes or 65536 tokens"),
  count("max-model-len", "8192", "the model's own limit when --max-model-len is not given"),
  on("ignore-sigterm", "SIGTERM and SIGINT change nothing"),
  choice("sigterm", ["clean", "hung"], "streams on SIGTERM: end with abort, or stay open until the client leaves"),
  choice("orphan", ["none", "group", "session"], "a child that ignores SIGTERM and survives SIGKILL of the engine"),
  count("exit-after-requests", "0", "exit with code 0 after so many generation requests"),
  count("die-after-tokens", "0", "the process ends in the middle of a stream"),
  count("cut-after-tokens", "0", "streams end without [DONE]"),
  on("hang", "requests get no token, /health stays 200"),
  on("never-healthy", "log as usual, never listen"),
  {
    name: "fail-log",
    value: "file",
    fallback: "",
    help: "print this file and exit instead of starting; hang with --sim-never-healthy",
  },
  count("exit-code", "1", "exit code of --sim-fail-log"),
  on("ignore-kv-params", "decode computes every prompt itself, silently"),
  on("first-token-eos", "the first token of every answer is the end token"),
  count("fail-transfers", "0", "so many of the next KV transfers fail"),
  count("error-requests", "0", "so many of the next generation requests get --sim-error-status"),
  count("error-status", "500", "status for --sim-error-requests"),
  ms("queue-ms", "0", "every request waits this long before it is scheduled"),
  on("mooncake-legacy", "a failed Mooncake receive hangs for ever, as before vLLM #50984"),
] as const satisfies readonly SimFlag[];

export type SimFlagName = (typeof simFlags)[number]["name"];

function text<Name extends string>(name: Name, fallback: string, help: string) {
  return { name, value: "text", fallback, help } as const;
}

function ms<Name extends string>(name: Name, fallback: string, help: string) {
  return { name, value: "ms", fallback, help } as const;
}

function count<Name extends string>(name: Name, fallback: string, help: string) {
  return { name, value: "n", fallback, help } as const;
}

function on<Name extends string>(name: Name, help: string) {
  return { name, value: null, fallback: "", help } as const;
}

function choice<Name extends string>(name: Name, values: readonly [string, ...string[]], help: string) {
  return { name, value: values, fallback: values[0], help } as const;
}
