import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogFile } from "../../supervisor/log_file.ts";

let folder = "";
let troubles: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pdserve-log-file-"));
  troubles = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onTrouble = (reason: string) => void troubles.push(reason);
const read = (name: string) => readFileSync(join(folder, name), "utf8");

describe("openLogFile()", () => {
  test("rotates before a file grows too large, and keeps as many as asked", async () => {
    const file = openLogFile({ path: join(folder, "a.log"), maxBytes: 10, keep: 2, onTrouble });
    for (const text of ["one 4567\n", "two 4567\n", "three 67\n", "four 567\n"]) {
      file.append(text);
      await file.flush();
    }
    await file.close();
    expect(readdirSync(folder).sort()).toEqual(["a.log", "a.log.1", "a.log.2"]);
    expect([read("a.log"), read("a.log.1"), read("a.log.2")]).toEqual(["four 567\n", "three 67\n", "two 4567\n"]);
    expect(troubles).toEqual([]);
  });

  test("keeps nothing rotated when none is asked for", async () => {
    const file = openLogFile({ path: join(folder, "a.log"), maxBytes: 4, keep: 0, onTrouble });
    for (const text of ["one\n", "two\n"]) {
      file.append(text);
      await file.flush();
    }
    await file.close();
    expect(readdirSync(folder)).toEqual(["a.log"]);
    expect(read("a.log")).toBe("two\n");
  });

  test("is readable by its owner alone", async () => {
    const file = openLogFile({ path: join(folder, "a.log"), maxBytes: 10, keep: 1, onTrouble });
    file.append("x\n");
    await file.close();
    expect(statSync(join(folder, "a.log")).mode & 0o777).toBe(0o600);
  });

  test("goes on when it cannot write, tells it once, and writes again when it can", async () => {
    const path = join(folder, "later", "a.log");
    const file = openLogFile({ path, maxBytes: 1e6, keep: 1, onTrouble });
    for (const text of ["lost\n", "lost too\n"]) {
      file.append(text);
      await file.flush();
    }
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain("ENOENT");
    mkdirSync(join(folder, "later"));
    file.append("kept\n");
    await file.close();
    expect(readFileSync(path, "utf8")).toBe("kept\n");
    expect(troubles).toHaveLength(1);
  });

  test.skipIf(!existsSync("/dev/full"))("survives a full disk (skipped where there is no /dev/full)", async () => {
    const file = openLogFile({ path: "/dev/full", maxBytes: 1e6, keep: 1, onTrouble });
    file.append("x\n");
    await file.flush();
    file.append("y\n");
    await file.close();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain("ENOSPC");
  });

  test("drops text rather than hold more than the disk takes", async () => {
    writeFileSync(join(folder, "a.log"), "");
    const file = openLogFile({ path: join(folder, "a.log"), maxBytes: 1e9, keep: 1, onTrouble });
    const mebibyte = "x".repeat(2 ** 20 - 1) + "\n";
    for (let n = 0; n < 20; n += 1) file.append(mebibyte);
    await file.close();
    expect(statSync(join(folder, "a.log")).size).toBeLessThan(10 * 2 ** 20);
    expect(troubles).toHaveLength(1);
  });
});
