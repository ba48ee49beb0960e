import { join } from "node:path";
import { type RouterUnderTest } from "./router_under_test.ts";

const program = join(import.meta.dir, "fastapi_toy.py");

/** A proxy as engines ship them for examples: FastAPI on uvicorn with uvloop and httptools, httpx towards workers. */
export const fastapiToy: RouterUnderTest = {
  name: "fastapi toy",
  hops: 2,
  inQuick: false,
  install: "pip install fastapi uvicorn uvloop httptools httpx sniffio",
  find() {
    if (Bun.which("python3") === null) return null;
    const versions = "import fastapi, uvicorn, uvloop, httptools, httpx, sniffio; print(fastapi.__version__)";
    const { exitCode, stdout } = Bun.spawnSync(["python3", "-c", versions]);
    return exitCode === 0 ? stdout.toString().trim() : null;
  },
  start: ({ port, prefillPort, decodePort }) => ({
    argv: ["python3", program, String(port), String(prefillPort), String(decodePort)],
  }),
};
