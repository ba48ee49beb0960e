// The line and the screen of one of several models.

import { expect, test } from "bun:test";
import { argvOfModel } from "../../cli/argv_of_model.ts";
import { markedContext } from "../../cli/marked_context.ts";
import type { CliContext } from "../../cli/context.ts";

test("argvOfModel() puts the model's entry, port and name in place of the run's, and leaves the engine's words alone", () => {
  const line = [
    "M",
    "--port=8000",
    "--model-entry",
    "all",
    "--name",
    "job",
    "--tp",
    "2",
    "--",
    "--port",
    "1",
    "--name",
    "x",
  ];
  expect(argvOfModel(line, "judge")).toEqual([
    ...["M", "--tp", "2", "--model-entry", "judge", "--port", "0", "--name", "judge"],
    ...["--", "--port", "1", "--name", "x"],
  ]);
});

test("markedContext() names the model on each whole line, in JSON as a member", () => {
  const lines: string[] = [];
  const stderr = { write: (text: string) => void lines.push(text), isTerminal: true, columns: 80, rows: 24 };
  const { stderr: marked, stdout } = markedContext({ stderr } as unknown as CliContext, "judge");
  marked.write("half a ");
  expect(lines).toEqual([]);
  marked.write('line\n\n{"type":"ready"}\n');
  stdout.write("nothing");
  expect(lines.join("")).toBe('judge │ half a line\n\n{"entry":"judge","type":"ready"}\n');
  expect(marked.isTerminal).toBe(false);
});
