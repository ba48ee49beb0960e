import { expect, jest, test } from "bun:test";
import { keepRouterProcess } from "../../../cli/procs/keep_router_process.ts";
import type { FromRouter, ServeMessage, ToRouter } from "../../../cli/procs/messages.ts";
import type { Exit } from "../../../supervisor/spawn.ts";

/** A place whose processes do what the test says. */
function openPlace() {
  const spawned: { sent: ToRouter[]; says(message: FromRouter): void; exit(exit: Exit): void; killed: boolean }[] = [];
  const told = { gone: [] as [Exit, string | null][], serves: 0, said: [] as string[] };
  let generation = 1;
  const place = keepRouterProcess({
    spawn(onMessage) {
      const { promise: exited, resolve: exit } = Promise.withResolvers<Exit>();
      const process = { sent: [] as ToRouter[], says: onMessage, exit, killed: false };
      spawned.push(process);
      return {
        ...{ pid: spawned.length, exited, send: (message: unknown) => void process.sent.push(message as ToRouter) },
        kill: () => void (process.killed = true),
      };
    },
    order: () => ({ is: "serve", generation }) as ServeMessage,
    generation: () => generation,
    onGone: (exit, reason) => void told.gone.push([exit, reason]),
    onServes: () => void told.serves++,
    onSays: (text) => void told.said.push(text),
  });
  const newest = () => spawned.at(-1)!;
  const counts = (value: number, of = generation) =>
    newest().says({ is: "told", question: null, generation: of, metrics: `a ${value}\n`, requests: [] });
  return { place, spawned, told, newest, counts, reload: () => ++generation };
}

const sigkill: Exit = { code: null, signal: "SIGKILL" };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a process is told what to serve once it can hear, and serves when it says so", () => {
  const { place, newest, told } = openPlace();
  expect([newest().sent, place.generation]).toEqual([[], null]);
  newest().says({ is: "started" });
  expect(newest().sent).toMatchObject([{ is: "serve", generation: 1 }]);
  newest().says({ is: "serves", generation: 1 });
  expect([place.generation, told.serves]).toEqual([1, 1]);
});

test("one that dies is settled before the next one starts, and what it had counted stays", async () => {
  jest.useFakeTimers();
  const { place, spawned, newest, counts, told } = openPlace();
  const first = newest();
  newest().says({ is: "serves", generation: 1 });
  counts(5);
  newest().says({ is: "cannot-serve", reason: "port 8000 is taken" });
  newest().exit(sigkill);
  await Promise.resolve();
  await Promise.resolve();
  expect([told.gone, place.generation, spawned.length]).toEqual([[[sigkill, "port 8000 is taken"]], null, 1]);
  jest.advanceTimersByTime(10_000);
  jest.useRealTimers();
  expect(spawned.length).toBe(2);
  // A word of the dead one that comes late is not the new one's.
  first.says({ is: "serves", generation: 1 });
  expect(place.generation).toBeNull();
  counts(2);
  expect(place.metrics).toContain("a 7\n");
});

test("after a reload counts begin anew, and those of before are not taken for them", () => {
  const { place, counts, reload } = openPlace();
  counts(5);
  reload();
  place.forgetMetrics();
  counts(6, 1);
  expect(place.metrics).toBe("");
  counts(1);
  expect(place.metrics).toContain("a 1\n");
});

test("an answer is its question's, and one that dies answers nothing", async () => {
  const { place, newest } = openPlace();
  const [first, second] = [place.ask(), place.ask()];
  const record = { id: "r" };
  const [, two] = newest().sent as { readonly question: number }[];
  newest().says({ is: "told", question: two!.question, generation: 1, metrics: "", requests: [record] as never });
  expect(await second).toMatchObject([record]);
  newest().exit(sigkill);
  expect(await first).toEqual([]);
});

test("one that is to end has said all it had to say before the place is closed", async () => {
  const { place, newest, told } = openPlace();
  let isClosed = false;
  const closing = place.close().then(() => void (isClosed = true));
  expect(newest().sent).toEqual([{ is: "end" }]);
  newest().says({ is: "says", text: "the last line\n" });
  await turn();
  expect([told.said, isClosed]).toEqual([["the last line\n"], false]);
  newest().says({ is: "ended" });
  await turn();
  expect(newest().killed).toBe(true);
  newest().exit(sigkill);
  await closing;
  expect(told.gone).toEqual([]);
});

test("one that tells nothing for half a minute is stuck, and is killed", () => {
  jest.useFakeTimers();
  const { newest, counts } = openPlace();
  for (let second = 0; second < 60; second++) {
    jest.advanceTimersByTime(1_000);
    counts(second);
  }
  expect(newest().killed).toBe(false);
  jest.advanceTimersByTime(31_000);
  jest.useRealTimers();
  expect(newest().killed).toBe(true);
});
