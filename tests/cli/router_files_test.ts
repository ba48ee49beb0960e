// Keys and certificates from files: all or a problem that names the flag, never an API open by mistake.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRouterFiles } from "../../cli/router_files.ts";
import { noFlags } from "../../plan/flag_layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";

const folder = mkdtempSync(join(tmpdir(), "pdserve-router-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const read = (env: Record<string, string | undefined>) =>
  readRouterFiles(layerSpec({ flags: noFlags, env, file: null }).spec);

test("without files there is the one key of --api-key, or none", () => {
  expect(read({})).toEqual({ is: "read", apiKeys: [] });
  expect(read({ PDSERVE_API_KEY: "one" })).toEqual({ is: "read", apiKeys: ["one"] });
});

test("keys stand one a line; empty lines, spaces and comments do not count", () => {
  const path = file("keys", "# team a\nfirst\n\n  second  \r\n#third\n");
  expect(read({ PDSERVE_API_KEY: "one", PDSERVE_API_KEY_FILE: path })).toEqual({
    is: "read",
    apiKeys: ["one", "first", "second"],
  });
});

for (
  const [what, text] of [["is empty", ""], ["holds only comments", "# none yet\n"]] as const
) {
  test(`a key file that ${what} is a problem, not an API open to all`, () => {
    const got = read({ PDSERVE_API_KEY_FILE: file("empty", text) });
    expect(got).toMatchObject({ is: "unusable", problem: { why: "it has no key", where: "env PDSERVE_API_KEY_FILE" } });
  });
}

test("a file that cannot be read is told by its flag, path and cause", () => {
  const path = join(folder, "none");
  expect(read({ PDSERVE_API_KEY_FILE: path })).toMatchObject({
    is: "unusable",
    problem: { what: `Check --api-key-file ${path}`, why: "ENOENT", severity: "error" },
  });
});

test("a certificate comes with its key, or not at all", () => {
  const cert = file("cert.pem", "CERT");
  const key = file("key.pem", "KEY");
  expect(read({ PDSERVE_TLS_CERT: cert, PDSERVE_TLS_KEY: key })).toEqual({
    is: "read",
    apiKeys: [],
    tls: { cert: "CERT", key: "KEY" },
  });
  for (const env of [{ PDSERVE_TLS_CERT: cert }, { PDSERVE_TLS_KEY: key }]) {
    expect(read(env)).toMatchObject({ is: "unusable", problem: { why: expect.stringContaining("both") } });
  }
});
