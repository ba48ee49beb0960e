// `npm run trouble`: what pdserve does when things go wrong, beside what its peers did on the same kind of bench.

import { join } from "node:path";
import { openTroubleBench } from "./trouble/trouble_bench.ts";
import { probes } from "./trouble/trouble_probes.ts";

const binary = process.env.PDSERVE_BINARY ?? join(import.meta.dir, "../dist/pdserve");
const bench = await openTroubleBench(binary);
const row = (cells: readonly string[]) => console.log(`| ${cells.join(" | ")} |`);
row(["trouble", "pdserve", "vllm-router 0.1.17", "smg 1.13.0", "FastAPI toy proxy"]);
row(["---", "---", "---", "---", "---"]);
for (const { name, peers, run } of probes) {
  const seen = await run(bench);
  row([name, seen, ...peers]);
  if (!name.startsWith("SIGTERM")) await bench.calm();
}
await bench.close();
process.exit(0);
