// Installs the packages of package-lock.json when they are not there or not those; plain JavaScript, since nothing else can run yet.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const stampPath = "node_modules/.pdserve-lock-hash";
const lockHash = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");

if (!isInstalled()) {
  console.error("installing packages (once)…");
  const [command, ...args] = installer();
  const done = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
  if (done.status !== 0) {
    console.error(`install failed: ${command} ${args.join(" ")} ended with ${done.status ?? done.error?.message}`);
    process.exit(1);
  }
  writeFileSync(stampPath, lockHash);
}

function isInstalled() {
  return existsSync(stampPath) && readFileSync(stampPath, "utf8") === lockHash;
}

/** npm where there is one; else the Bun that runs this file. Both read package-lock.json. */
function installer() {
  const npm = spawnSync("npm", ["--version"], { stdio: "ignore" });
  if (npm.status === 0) return ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"];
  return [process.execPath, "install", "--no-save"];
}
