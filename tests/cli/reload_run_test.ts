import { expect, test } from "bun:test";
import type { PlanSources } from "../../cli/plan_from_argv.ts";
import type { PlannedRun } from "../../cli/planned_run.ts";
import type { TextFile } from "../../cli/read_text.ts";
import { makeReload, type ReloadInput } from "../../cli/reload_run.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import type { FleetEvent } from "../../supervisor/events.ts";
import type { Fleet } from "../../supervisor/fleet.ts";

test("of two reloads at once the second is refused; a plan that cannot be made changes nothing, and both are told", async () => {
  const file = Promise.withResolvers<TextFile>();
  const told: FleetEvent[] = [];
  const events = makeEventStream();
  events.subscribe((event) => told.push(event));
  const input: ReloadInput = {
    run: () => ({}) as PlannedRun,
    fleet: {} as Fleet,
    sources: {
      argv: ["up", "--machine", "2xH100"],
      env: {},
      cwd: "/",
      addresses: () => [],
      ownCommand: [],
      run: { sharedDir: "/kv", nonce: "n" },
      readText: () => file.promise,
    } as unknown as PlanSources,
    events,
    onDone: () => expect.unreachable(),
  };
  const reload = makeReload(input);
  const first = reload();
  expect((await reload()).ordered).toMatchObject({ is: "refused", why: "another reload is under way" });
  file.resolve({ is: "missing", why: "there is no such file" });
  expect((await first).ordered).toMatchObject({ is: "refused" });
  expect(told.map(({ type }) => type)).toEqual(["warning"]);
  expect((await reload()).ordered).not.toMatchObject({ why: "another reload is under way" });
});
