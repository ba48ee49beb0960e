// `npm run chaos [MINUTES] [SEED] [ROUTERS]`: a simulated 4P4D under load, to which things happen at random. Exit code 1 when a client got what no
// client may get, when a worker did not come back, or when anything is left at the end.

import { runStorm } from "../tests/e2e/chaos/storm.ts";

const [minutes = "10", seed = String(Math.floor(Math.random() * 2 ** 31)), routers = "1"] = Bun.argv.slice(2);
console.log(`seed ${seed}, ${minutes} min, router processes: ${routers}`);
const startedMs = performance.now();
const report = await runStorm({
  ...{
    seed: Number(seed),
    durationMs: Number(minutes) * 60_000,
    topology: "4P4D",
    clients: 8,
    routers: Number(routers),
  },
  onAct: (text) => console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${text}`),
});
console.log(JSON.stringify(report, null, 2));
console.log(
  report.wrong.length === 0
    ? "all is well"
    : `${report.wrong.length} wrong; the same again: npm run chaos ${minutes} ${seed} ${routers}`,
);
process.exit(report.wrong.length === 0 ? 0 : 1);
