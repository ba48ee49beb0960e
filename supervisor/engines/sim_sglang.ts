// The simulator in its other part: SGLang on the wire and in the log, so it is launched, read and diagnosed as SGLang is.

import type { Engine } from "./engine.ts";
import { sglang } from "./sglang.ts";
import { launchArguments } from "./sglang_command.ts";

export const simSglang: Engine = {
  ...sglang,
  name: "sim-sglang",
  command: (input) => ({
    argv: [...input.command, "sim-sglang", ...launchArguments(input), ...input.wiringArgs, ...input.userArgs],
    env: { SGLANG_HOST_IP: input.host, NO_COLOR: "1", ...input.wiringEnv },
  }),
  stop: { signal: "SIGTERM", graceMs: 5_000 },
  versionCommand: (command) => [...command, "sim-sglang", "--version"],
  readInstalled: undefined,
  // It plays that one.
  impliedVersion: () => sglang.newestKnown,
  commonFlagPrefix: "--sim-",
};
