// The set of packages that was tested together; another set is another cache folder.
export const versions = {
  sglang: "0.5.23",
  torch: "2.14.1",
  cudaRuntime: "13.0.96",
  nixl: "1.5.1",
  /** Raise when the recipe itself changes, so that old caches are made anew. */
  recipe: "1",
} as const;
