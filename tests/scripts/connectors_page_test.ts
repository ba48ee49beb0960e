import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connectors, sglangConnectors } from "../../kv/index.ts";
import { connectorsPage } from "../../scripts/connectors_page.ts";

const names = [...Object.keys(connectors), ...Object.keys(sglangConnectors)];
const written = readFileSync(new URL("../../docs/connectors.md", import.meta.url), "utf8");

test("docs/connectors.md is what the connectors say of themselves; bun run scripts/connectors_page.ts writes it", () => {
  expect(written).toBe(connectorsPage());
});

test("docs/connectors.md has a section for every connector, and every link of its table leads to one", () => {
  const headings = [...written.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
  expect(headings).toEqual(expect.arrayContaining(names));
  const links = [...written.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(links).toEqual(names.map((name) => name.toLowerCase()));
});
