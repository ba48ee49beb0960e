import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogStore, type LogStoreOptions, makeLogStore } from "../../supervisor/log_store.ts";
import { maxLineChars } from "../../supervisor/split_lines.ts";

let folder = "";
let shown: string[] = [];
let troubles: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pdserve-log-"));
  shown = [];
  troubles = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function openStore(differences: Partial<LogStoreOptions> = {}): LogStore {
  return makeLogStore({
    path: join(folder, "decode-0.log"),
    maxBytes: 1e6,
    keep: 2,
    ringLines: 4,
    redact: [],
    onLine: (line) => shown.push(line),
    onTrouble: (reason) => troubles.push(reason),
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    ...differences,
  });
}

const bytes = (text: string) => new TextEncoder().encode(text);
const stamps = /^2026-01-02T03:04:05\.678Z /gm;
/** Without the times, which every line must have. */
const fileText = (name = "decode-0.log") => {
  const text = readFileSync(join(folder, name), "utf8");
  expect(text.match(stamps)?.length ?? 0).toBe(text.split("\n").length - 1);
  return text.replaceAll(stamps, "");
};

describe("makeLogStore()", () => {
  test("keeps all lines in the file and the latest in memory", async () => {
    const store = openStore();
    store.write(bytes("1\n2\n3\n4\n5\n6"));
    expect(store.lines()).toEqual(["2", "3", "4", "5"]);
    await store.close();
    expect(store.lines()).toEqual(["3", "4", "5", "6"]);
    expect(fileText()).toBe("1\n2\n3\n4\n5\n6\n");
    expect(shown).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("shows lines without being asked for them", async () => {
    const told = Promise.withResolvers<string>();
    const store = openStore({ onLine: told.resolve });
    store.write(bytes("hello\n"));
    expect(await told.promise).toBe("hello");
    await store.close();
  });

  test("keeps the two outputs' unfinished lines apart", async () => {
    const store = openStore();
    store.write(bytes("out "), "stdout");
    store.write(bytes("err "), "stderr");
    store.write(bytes("put\n"), "stdout");
    store.write(bytes("or\n"), "stderr");
    await store.close();
    expect(store.lines()).toEqual(["out put", "err or"]);
  });

  test("keeps of a progress bar what stood last, but tells each step", async () => {
    const store = openStore();
    store.write(bytes("begin\n\r 0/2\r 1/2"));
    expect(store.lines()).toEqual(["begin", " 0/2"]);
    store.write(bytes("\r 2/2\nend\n"));
    expect(store.lines()).toEqual(["begin", " 2/2", "end"]);
    await store.close();
    expect(shown).toEqual(["begin", " 0/2", " 1/2", " 2/2", "end"]);
    expect(fileText().split("\n")).not.toContain(" 1/2");
  });

  test("hides the probes' access lines from people, not from the file", async () => {
    const store = openStore();
    const probe = 'INFO:     127.0.0.1:48016 - "GET /health HTTP/1.1" 200 OK';
    const request = 'INFO:     127.0.0.1:48018 - "POST /v1/completions HTTP/1.1" 200 OK';
    store.write(bytes(`${probe}\n${probe.replace("health", "metrics?x=1")}\n${request}\n`));
    await store.close();
    expect(store.lines()).toEqual([request]);
    expect(fileText()).toContain(probe);
  });

  test("masks secrets everywhere, also those cut in two by a chunk or a long line", async () => {
    const store = openStore({ redact: ["s3cret-key"] });
    store.write(bytes("key s3cr"));
    store.write(bytes("et-key and hf_0123456789abcdefghij\n"));
    store.write(bytes("x".repeat(maxLineChars - 3) + "s3cret-key" + "y".repeat(8_000) + "\n"));
    await store.close();
    const everything = fileText() + store.lines().join("\n") + shown.join("\n");
    expect(everything).toContain("key *** and ***");
    expect(everything).not.toContain("s3c");
  });

  test("takes terminal codes and control characters out of what is shown", async () => {
    const store = openStore();
    store.write(bytes("\x1b[31;20mred\x1b[0m \x1b]0;title\x07bell\x07\tend\x00\n"));
    await store.close();
    expect(store.lines()).toEqual(["red bell\tend"]);
  });

  test("cuts a line of ten megabytes and goes on", async () => {
    const store = openStore();
    for (let n = 0; n < 10; n += 1) store.write(new Uint8Array(2 ** 20).fill(120));
    store.write(bytes("\nafter\n"));
    await store.close();
    const [long, after] = store.lines();
    expect(long?.length).toBeLessThan(maxLineChars + 100);
    expect(long).toEndWith("… (cut)");
    expect(after).toBe("after");
    expect(statSync(join(folder, "decode-0.log")).size).toBeLessThan(2 * maxLineChars);
  });

  test("survives binary junk", async () => {
    const store = openStore();
    store.write(Uint8Array.from({ length: 256 }, (_, n) => n));
    store.write(bytes("\nstill here\n"));
    await store.close();
    expect(store.lines().at(-1)).toBe("still here");
  });

  test("begins anew in memory for a new process, with no line glued to the old one's last", async () => {
    const store = openStore();
    store.write(bytes("old\nunfinish"));
    store.startOver();
    store.write(bytes("new\n"));
    expect(store.lines()).toEqual(["new"]);
    await store.close();
    expect(fileText()).toBe("old\nunfinish\nnew\n");
  });

  test("appends to the log of an earlier run of the worker", async () => {
    for (const text of ["first\n", "second\n"]) {
      const store = openStore();
      store.write(bytes(text));
      await store.close();
    }
    expect(fileText()).toBe("first\nsecond\n");
  });
});
