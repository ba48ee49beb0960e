import { describe, expect, test } from "bun:test";
import type { TextFile } from "../../cli/read_text.ts";
import { readWish, type Wish } from "../../cli/read_wish.ts";
import { originText } from "../../plan/spec.ts";

function wish(line: string, files: Record<string, string> = {}, env: Record<string, string> = {}): Promise<Wish> {
  const readText = (path: string): Promise<TextFile> =>
    Promise.resolve(
      path in files
        ? { is: "text", text: files[path] ?? "" }
        : path.endsWith("/locked")
        ? { is: "unreadable", why: "its permissions do not let you" }
        : { is: "missing", why: "there is no such file" },
    );
  return readWish({ argv: line.split(" ").filter(Boolean), env: { HOME: "/home/me", ...env }, cwd: "/work", readText });
}

describe("readWish() finds the settings file", () => {
  const here = { "/work/pdserve.yaml": "pd: 1P1D\n" };
  const home = { "/home/me/.config/pdserve/config.yaml": "pd: 3P3D\n" };

  test("in the folder it runs in, then in the user's settings", async () => {
    expect(await wish("m", { ...here, ...home })).toMatchObject({ configFile: "pdserve.yaml", problems: [] });
    expect((await wish("m", { ...here, ...home })).spec.settings.pd.value).toBe("1P1D");
    const path = "/home/me/.config/pdserve/config.yaml";
    expect(await wish("m", home)).toMatchObject({ configFile: path, spec: { settings: { pd: { value: "3P3D" } } } });
    const xdg = { "/xdg/pdserve/config.yaml": "pd: 4P4D" };
    expect((await wish("m", { ...home, ...xdg }, { XDG_CONFIG_HOME: "/xdg" })).spec.settings.pd.value).toBe("4P4D");
  });

  test("where --config or PDSERVE_CONFIG says, and nowhere else", async () => {
    const files = { ...here, "/work/box.yaml": "pd: 5P5D", "/etc/box.yaml": "pd: 6P6D" };
    expect((await wish("m --config box.yaml", files)).spec.settings.pd.value).toBe("5P5D");
    expect((await wish("m", files, { PDSERVE_CONFIG: "/etc/box.yaml" })).configFile).toBe("/etc/box.yaml");
  });

  test("or says that the one asked for is not there", async () => {
    const { problems, configFile } = await wish("m --config gone.yaml", here);
    expect(configFile).toBe("gone.yaml");
    expect(problems).toMatchObject([{
      what: 'Cannot read the settings file "gone.yaml"',
      why: "there is no such file",
      where: "flag --config",
      exitCode: 2,
    }]);
    expect((await wish("m -c /locked")).problems[0]?.why).toBe("its permissions do not let you");
  });

  test("but a demo works the same in every folder", async () => {
    expect((await wish("demo", here)).configFile).toBeNull();
    expect((await wish("demo --config pdserve.yaml", here)).configFile).toBe("pdserve.yaml");
  });
});

describe("readWish()", () => {
  test("lets a flag win over the environment, that over the file, and tells where each came from", async () => {
    const files = { "/work/pdserve.yaml": "router:\n  port: 1\n  host: h\nrun:\n  name: file\n" };
    const { spec } = await wish("m --port 3", files, { PDSERVE_PORT: "2", PDSERVE_HOST: "e" });
    const { port, host, name, pd } = spec.settings;
    expect([port, host, name, pd].map(({ value, origin }) => [value, originText(origin)])).toEqual([
      [3, "flag --port"],
      ["e", "env PDSERVE_HOST"],
      ["file", "pdserve.yaml:5"],
      [null, "default"],
    ]);
  });

  test("tells all mistakes of line, environment and file at once", async () => {
    const { problems } = await wish("m --prot 3", { "/work/pdserve.yaml": "prefil: 1\n" }, { PDSERVE_TP: "x" });
    expect(problems.map(({ where }) => where).sort()).toEqual(["env PDSERVE_TP", "flag --prot", "pdserve.yaml:1"]);
  });

  test("splits the line by the engine that flag, environment or file names", async () => {
    const line = "m --sim-prefill-speed 9";
    const expected = [{ words: ["--sim-prefill-speed", "9"] }];
    const byFile = await wish(line, { "/work/pdserve.yaml": "engine:\n  name: sim\n" });
    const byEnv = await wish(line, {}, { PDSERVE_ENGINE: "sim" });
    for (const { spec, engine, problems } of [byFile, byEnv]) {
      expect(problems).toEqual([]);
      expect(engine.name).toBe("sim");
      expect(spec.engineArgs.decode).toMatchObject(expected);
    }
    expect((await wish(line)).problems).toHaveLength(1);
  });
});
