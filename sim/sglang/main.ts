// `pdserve sim-sglang --model-path MODEL [SGLang's flags]`: a stand-in for `sglang serve`, alone or as prefill or decode.
// Written from recordings of a real SGLang 0.5.23; shares no code with the router it is used to test.

import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "./generate.ts";
import { type HttpServer, serveHttp } from "./http.ts";
import { makeRooms, serveBootstrap } from "./meeting.ts";
import { makeCounters } from "./metrics.ts";
import { readSglangSettings, type SglangSettings } from "./settings.ts";

const VERSION = "0.5.23";

/** `argv` follows the word `sim-sglang`. Resolves to the exit code when the engine has ended. */
export async function runSimSglang(argv: readonly string[]): Promise<number> {
  if (argv.includes("--version")) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const settings = readSglangSettings(argv, process.env);
  if ("stderr" in settings) {
    process.stderr.write(settings.stderr);
    return settings.exitCode;
  }
  const asked = Promise.withResolvers<void>();
  process.on("SIGTERM", asked.resolve);
  process.on("SIGINT", asked.resolve);
  try {
    const http = await start(settings, makeLog());
    await asked.promise;
    return await stop(settings, http, makeLog());
  } catch (error) {
    process.stderr.write(`ERROR:    ${bindError(error, settings)}\n`);
    return 1;
  }
}

type Log = (line: string) => void;

/** One log line, stamped as SGLang's logger does. */
function makeLog(): Log {
  return (line) => {
    const stamp = new Date().toISOString().slice(0, 19).replace("T", " ");
    process.stderr.write(`[${stamp}] ${line}\n`);
  };
}

/** The lines of a real start in its order; the bootstrap server is there long before the worker. */
async function start(settings: SglangSettings, log: Log): Promise<HttpServer> {
  const rooms = makeRooms();
  log(`server_args={'model_path': '${settings.modelPath}', 'disaggregation_mode': '${settings.mode}'}`);
  if (settings.mode === "prefill") {
    await serveBootstrap(settings, rooms);
    log(`CommonKVBootstrapServer started successfully on ${settings.host}:${settings.bootstrapPort}`);
  }
  log("Init parallel begin.");
  await sleep(settings.startupMs);
  log("Load weight begin. avail mem=18.64 GB");
  log("Load weight end. elapsed=0.01 s, type=LlamaForCausalLM, avail mem=18.71 GB, mem usage=-0.07 GB.");
  log("KV Cache is allocated. dtype: torch.float32, #tokens: 8192, K size: 0.00 GB, V size: 0.00 GB");
  log("Memory pool end. avail mem=19.07 GB");
  const worker: Worker = {
    ...{
      settings,
      rooms,
      running: new Map(),
      weightVersion: "default",
      media: { encoded: 0, loaded: 0, computed: 0 },
      sleep: (ms) => sleep(ms),
    },
    counters: makeCounters(settings.mode, settings.servedModelName),
  };
  const http = await serveHttp(worker, log);
  log("INFO:     Application startup complete.");
  log(`INFO:     Uvicorn running on http://${settings.host}:${settings.port} (Press CTRL+C to quit)`);
  if (settings.mode !== "null") log("Start of pd disaggregation warmup ...");
  log("The server is fired up and ready to roll!");
  return http;
}

/** Streams are finished first, and new requests still served. */
async function stop({ mode }: SglangSettings, http: HttpServer, log: Log): Promise<number> {
  log(`SIGTERM received. signum=None frame=None. Draining requests and shutting down... (${mode})`);
  http.drain();
  while (http.openRequests() > 0) await sleep(10);
  log("Gracefully exiting... Remaining number of requests 0. Remaining requests remaining_rids=[].");
  return 0;
}

function bindError(error: unknown, { host, port }: SglangSettings): string {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE"
    ? `[Errno 98] error while attempting to bind on address ('${host}', ${port}): address already in use`
    : String(error);
}
