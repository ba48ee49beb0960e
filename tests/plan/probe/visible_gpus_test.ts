import { expect, test } from "bun:test";
import type { RawGpu } from "../../../plan/probe/gpu_reading.ts";
import { visibleGpus } from "../../../plan/probe/visible_gpus.ts";

const gpus = ["aa11", "aa22", "bb33"].map((uuid, id): RawGpu => ({
  ...{ id: String(id), uuid: `GPU-${uuid}`, name: "x", totalBytes: 1, freeBytes: 1, busId: null, processes: null },
}));

test.each([
  [undefined, null],
  ["", []],
  ["2,0", ["2", "0"]],
  ["GPU-bb33, 1", ["2", "1"]],
  ["GPU-aa2", ["1"]],
  ["1,-1,2", ["1"]],
  ["7,0", []],
  ["NoDevFiles", []],
])("visibleGpus(%j) is %j, as CUDA reads it", (variable, visible) => {
  expect(visibleGpus(variable, gpus)).toEqual(visible);
});
