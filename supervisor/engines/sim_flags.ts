// The simulator's own flags, as far as a command line must know them to be read. The simulator shares no code with its
// users, so a test compares this list with its own.

const values = [
  ...["vllm-version", "startup-ms", "load-ms", "prefill-ms-per-1k", "decode-ms-per-token", "transfer-ms-per-block"],
  ...["transfer-mb-per-s", "handshake-timeout-ms", "death-ms", "mooncake-abort-ms", "kv-blocks", "max-model-len"],
  ...["sigterm", "orphan", "exit-after-requests", "die-after-tokens", "cut-after-tokens", "fail-log", "exit-code"],
  ...["fail-transfers", "error-requests", "error-status", "queue-ms"],
];

const switches = ["ignore-sigterm", "hang", "never-healthy", "ignore-kv-params", "first-token-eos", "mooncake-legacy"];

export const simFlags: Readonly<Record<string, "value" | "switch">> = {
  ...Object.fromEntries(values.map((name) => [`--sim-${name}`, "value" as const])),
  ...Object.fromEntries(switches.map((name) => [`--sim-${name}`, "switch" as const])),
};
