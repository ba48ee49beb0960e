// What happens to a fleet in a storm: each act is bad luck, bad manners, or an operator at work.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningPdserve } from "../run_pdserve.ts";
import type { Dice } from "./dice.ts";

export interface ActIo {
  readonly run: RunningPdserve;
  readonly dice: Dice;
  readonly settingsFile: string;
  /** Of most of the storm. */
  readonly topology: string;
}

/** Resolves when it is done, with what it did; never rejects for what the fleet answers. */
export type Act = (io: ActIo) => Promise<string>;

export const acts: Readonly<Record<string, Act>> = {
  kill: (io) => signal(io, "SIGKILL"),
  terminate: (io) => signal(io, "SIGTERM"),
  freeze: (io) => signal(io, "SIGSTOP"),
  hang: (io) => fault(io, { hang: true }),
  failTransfers: (io) => fault(io, { failTransfers: 2 }),
  failRequests: (io) => fault(io, { errorRequests: 2 }),
  dieInStream: (io) => fault(io, { dieAfterTokens: 5 }),
  restart: (io) => order(io, "restart"),
  drain: async (io) => {
    const worker = pickWorker(io).name;
    const drained = await post(io.run, `/workers/${worker}/drain`);
    return `drain ${worker}: ${drained}, undrain: ${await post(io.run, `/workers/${worker}/undrain`)}`;
  },
  reload: async (io) => {
    writeFileSync(
      io.settingsFile,
      settingsText(io.topology, Math.floor(io.dice.between(16, 64)), Math.floor(io.dice.between(100, 200))),
    );
    return `reload: ${await post(io.run, "/reload")}`;
  },
  resize: async (io) => {
    const topology = io.dice.pick([io.topology, "3P4D", "4P3D", "2P2D"]);
    writeFileSync(io.settingsFile, settingsText(topology, 32, 100));
    return `resize to ${topology}: ${await post(io.run, "/reload")}`;
  },
};

export function settingsText(topology: string, maxSeqs: number, queue: number): string {
  return `pd: ${topology}\nlimits: { queue: ${queue} }\ndecode: { args: [--max-num-seqs, ${maxSeqs}] }\n`;
}

interface Worker {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

export function workersOf({ runDir }: RunningPdserve): readonly Worker[] {
  return JSON.parse(readFileSync(join(runDir, "run.json"), "utf8")).workers;
}

function pickWorker({ run, dice }: ActIo): Worker {
  return dice.pick(workersOf(run));
}

function signal(io: ActIo, name: NodeJS.Signals): Promise<string> {
  const worker = pickWorker(io);
  try {
    process.kill(worker.pid, name);
  } catch {
    return Promise.resolve(`${name} ${worker.name}: it was gone`);
  }
  return Promise.resolve(`${name} ${worker.name}`);
}

async function fault(io: ActIo, faults: Readonly<Record<string, unknown>>): Promise<string> {
  const { name, port } = pickWorker(io);
  const init = { method: "POST", body: JSON.stringify(faults), signal: AbortSignal.timeout(2_000) };
  const answered = await fetch(`http://127.0.0.1:${port}/sim/faults`, init).then(
    ({ status }) => String(status),
    () => "no answer",
  );
  return `${Object.keys(faults)[0]} on ${name}: ${answered}`;
}

async function order(io: ActIo, what: string): Promise<string> {
  const { name } = pickWorker(io);
  return `${what} ${name}: ${await post(io.run, `/workers/${name}/${what}`)}`;
}

/** The outcome in a word. */
export async function post({ runDir }: RunningPdserve, path: string): Promise<string> {
  try {
    const answer = await fetch(`http://pdserve${path}`, { method: "POST", unix: join(runDir, "control.sock") });
    return (await answer.json() as { readonly outcome: string }).outcome;
  } catch (error) {
    return `no answer (${String(error)})`;
  }
}
