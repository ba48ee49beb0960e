// What every dialect promises, whatever tool's file it reads.

import { describe, expect, test } from "bun:test";
import type { Dialect } from "../../plan/dialects/dialect.ts";
import { dialects, readSettingsFile } from "../../plan/dialects/index.ts";
import { configSchema } from "../../plan/config_schema.ts";
import { type Setting, settings } from "../../plan/settings.ts";

const all: [string, Dialect][] = Object.entries(dialects);
const hostile = [
  "",
  "\0",
  "{",
  "[",
  ":",
  "a: &x\n  b: *x",
  "? [a]\n: b",
  "%YAML 9",
  "&a [*a]",
  "a: !!js/function x",
  "\ufeffmodel: m",
  "x: 1\r\ny: 2\r\n",
];

describe.each(all)("dialect %s", (_name, dialect) => {
  test.each(hostile)("reads %j to an answer, never a throw, and each problem names the file", (text) => {
    const { problems } = dialect.read(text, "some/file");
    for (const problem of problems) {
      expect(problem.where).toStartWith("some/file");
      expect([problem.what, problem.why, problem.fix].every((sentence) => sentence.length > 0)).toBe(true);
      expect(problem.what).not.toEndWith(".");
    }
  });

  test("gives the same answer for the same text", () => {
    const text = "model: m\nrooter: 1\n";
    expect(dialect.read(text, "f")).toEqual(dialect.read(text, "f"));
  });

  test("gives every value an origin in the file it was given", () => {
    const { layer } = dialect.read("model: m\npd: 1P1D\nargs: { a: 1 }\n", "f.yaml");
    const origins = [
      layer.model?.origin,
      ...layer.sayings.map((one) => one.origin),
      ...layer.engineArgs.both.map((one) => one.origin),
    ];
    for (const origin of origins) {
      if (origin !== undefined) expect(origin).toMatchObject({ is: "file", path: "f.yaml" });
    }
  });
});

test("readSettingsFile() finds pdserve's own file", () => {
  expect(readSettingsFile("pd: 1P1D", "pdserve.yaml").layer.sayings).toMatchObject([{ key: "pd", text: "1P1D" }]);
});

test("pdserve.yaml takes the default of every setting under the path that help, docs and schema name", () => {
  const schema = configSchema() as { properties: Record<string, { properties?: Record<string, unknown> }> };
  for (const setting of Object.values(settings) as Setting[]) {
    if (setting.yaml === null) continue;
    const [first = "", second] = setting.yaml.split(".");
    expect(second === undefined ? schema.properties[first] : schema.properties[first]?.properties?.[second])
      .toBeDefined();
    if (setting.default === null) continue;
    const text = second === undefined ? `${first}: ${setting.default}` : `${first}:\n  ${second}: ${setting.default}`;
    expect(readSettingsFile(text, "pdserve.yaml")).toMatchObject({
      layer: { sayings: [{ text: setting.default }] },
      problems: [],
    });
  }
});
