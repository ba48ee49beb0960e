import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { followLog, readLog } from "../../control/read_log.ts";

let folder = "";
let path = "";
const all = { fits: () => true, last: null };
const stamp = "2026-11-21T16:00:00.000Z";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pdserve-read-"));
  path = join(folder, "decode-0.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("readLog() reads rotated parts first, and leaves out what the probes wrote", async () => {
  writeFileSync(`${path}.2`, `${stamp} one\n`);
  writeFileSync(`${path}.1`, `${stamp} two\n${stamp} INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK\n`);
  writeFileSync(path, `${stamp} three\nwithout a time\n`);
  const { lines } = await readLog(path, all);
  expect(lines.map(({ text }) => text)).toEqual(["one", "two", "three", "without a time"]);
  expect(lines.map(({ at }) => at)).toEqual([stamp, stamp, stamp, ""]);
  expect((await readLog(path, { ...all, last: 1 })).lines.map(({ text }) => text)).toEqual(["without a time"]);
  expect((await readLog(path, { ...all, fits: ({ text }) => text.includes("t") })).lines.length).toBe(3);
});

test("readLog() of a worker that has written nothing is empty", async () => {
  expect(await readLog(path, all)).toEqual({ lines: [], end: null });
});

test("followLog() goes on where reading ended, through a rotation, until the run is over", async () => {
  writeFileSync(path, `${stamp} old\n`);
  const { end } = await readLog(path, all);
  // Each look asks whether the run goes on; that is when something happens to the files.
  const happens = [
    () => appendFileSync(path, `${stamp} new\n${stamp} ha`),
    () => {
      appendFileSync(path, "lf\n");
      renameSync(path, `${path}.1`);
      writeFileSync(path, `${stamp} after the rotation\n`);
    },
    () => appendFileSync(path, `${stamp} last words\n`),
  ];
  const goesOn = () => {
    happens.shift()?.();
    return happens.length > 0;
  };
  const got: string[] = [];
  for await (const { text } of followLog(path, end, () => true, goesOn)) got.push(text);
  expect(got).toEqual(["new", "half", "after the rotation", "last words"]);
});
