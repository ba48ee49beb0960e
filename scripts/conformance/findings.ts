// What a run has found, and which of its differences are meant to be.

import { explanations } from "./explanations.ts";

export interface Findings {
  /** Which engine, in words. */
  readonly engine: string;
  /** Of the Python packages; none where they could not be had. */
  readonly versions: Readonly<Record<string, string>>;
  readonly npm: readonly SeenByBoth[];
  readonly python: readonly SeenByBoth[];
  readonly operations: readonly Operation[];
}

/** One call of a client, told as types. */
export interface SeenByBoth {
  readonly case: string;
  readonly plain: unknown;
  readonly pdserve: unknown;
}

/** One operation of the OpenAPI document and the requests that schemathesis made for it. */
export interface Operation {
  readonly operation: string;
  readonly asked: number;
  /** Of those, answered with 200 by both. */
  readonly served: number;
  /** How often the plain engine answered with each status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly differences: readonly Difference[];
}

export interface Difference {
  /** JSON, with MODEL for the model's name. */
  readonly request: string;
  readonly plain: Shape;
  readonly pdserve: Shape;
}

export interface Shape {
  /** An HTTP status, or in words why there is none. */
  readonly status: number | string;
  readonly type: string;
  readonly body: unknown;
}

/** Why it is right that pdserve answers otherwise; null where nobody knows. */
export function explain({ operation }: Operation, difference: Difference): string | null {
  return explanations.find((each) => each.of.test(operation) && each.fits(difference))?.why ?? null;
}

export function differs({ plain, pdserve }: SeenByBoth): boolean {
  return !Bun.deepEquals(plain, pdserve);
}

/** Where text is generated: refusals alone would say little about pdserve. */
const generating = /^POST \/v1\/(completions|chat\/completions|responses|messages)$/;

/** The routes that generate and of whose requests fewer than a third were served. */
export function tooFewServed({ operations }: Findings): readonly string[] {
  return operations.filter(({ operation, asked, served }) => generating.test(operation) && served * 3 < asked)
    .map(({ operation, asked, served }) => `${operation}: ${served} of ${asked} requests were served`);
}

/** One line for each difference without an explanation. */
export function unexplained({ npm, python, operations }: Findings): readonly string[] {
  const calls = [...npm, ...python].filter(differs).map((each) => JSON.stringify(each));
  const requests = operations.flatMap((each) =>
    each.differences.filter((difference) => explain(each, difference) === null)
      .map((difference) => `${each.operation} ${JSON.stringify(difference)}`)
  );
  return [...calls, ...requests];
}
