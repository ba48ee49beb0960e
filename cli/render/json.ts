// For programs: one JSON object a line. Names and shapes are a contract; members may be added, never changed.

import type { FleetEvent, PairProof, WorkerFailure } from "../../supervisor/events.ts";
import type { Reporter, Screen } from "./reporter.ts";

export function jsonReporter(screen: Screen): Reporter {
  return {
    event(event) {
      const object = jsonOf(event);
      if (object !== null) screen.write(JSON.stringify(object) + "\n");
    },
    end() {},
  };
}

/** Null for log lines: they are in the run directory, and would drown the events. */
export function jsonOf(event: FleetEvent): Readonly<Record<string, unknown>> | null {
  const { type } = event;
  switch (event.type) {
    case "plan": {
      const { planId, model, engine, connector, workers } = event.plan;
      const names = workers.map(({ name }) => name);
      const where = { config_file: event.configFile, run_dir: event.runDir };
      const made = { plan_id: planId, model, engine: { name: engine.name, version: engine.version }, connector };
      return { type, schema: 1, ...made, workers: names, ...where };
    }
    case "warning": {
      const { what, why, fix, where } = event.problem;
      return { type, problem: { what, why, fix, where } };
    }
    case "listening":
      return { type, url: event.url };
    case "worker": {
      const { name, state, stage, elapsedMs } = event;
      const progress = stage?.of === undefined ? {} : { done: stage.done, of: stage.of };
      const retry = event.retryInMs === undefined ? {} : { retry_in_ms: event.retryInMs };
      return { type, name, state, stage: stage?.name ?? null, ...progress, elapsed_ms: elapsedMs, ...retry };
    }
    case "log":
      return null;
    case "proof":
      return { type, ...proofJson(event.proof) };
    case "ready": {
      const { url, runDir, model, tookMs, proofs, connector, prefill, decode } = event.ready;
      const proven = proofs === null ? { verified: null } : { verified: proofs.every(({ is }) => is === "proven") };
      return { type, url, run_dir: runDir, model, connector, prefill, decode, ...proven, took_ms: tookMs };
    }
    case "failed":
      return { type, ...failureJson(event.failure) };
    case "added":
      return { type, name: event.worker.name, role: event.worker.role, gpus: event.worker.gpus };
    case "removed":
      return { type, name: event.name };
    case "reloaded":
      return { type, changes: event.changes };
    case "draining":
      return { type, in_flight: event.inFlight, limit_ms: event.limitMs, waiting_for: event.waitingFor };
    case "stopping":
      return { type, forced: event.forced };
    case "stopped":
      return { type, exit_code: event.exitCode };
  }
}

function proofJson(proof: PairProof): Readonly<Record<string, unknown>> {
  const { is, prefill, decode } = proof;
  if (proof.is === "refuted") return { is, prefill, decode, diagnosis: diagnosisJson(proof.diagnosis) };
  const { promptTokens, movedTokens, recomputedTokens, bytes, tookMs } = proof;
  const tokens = { prompt_tokens: promptTokens, moved_tokens: movedTokens, recomputed_tokens: recomputedTokens };
  return { is, prefill, decode, ...tokens, bytes, took_ms: tookMs };
}

function failureJson({ worker, diagnosis, during, exit, afterMs, lastLines, logPath }: WorkerFailure) {
  const told = { worker, diagnosis: diagnosisJson(diagnosis), during, exit, after_ms: afterMs };
  return { ...told, last_lines: lastLines, log: logPath };
}

function diagnosisJson({ rule, what, why, fix }: WorkerFailure["diagnosis"]) {
  return { rule, what, why, fix };
}
