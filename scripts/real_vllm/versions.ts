// The set of packages that was tested together; another set is another cache folder.
export const versions = {
  vllm: "0.32.0",
  torch: "2.13.0",
  cudaRuntime: "13.0.96",
  nixl: "1.5.1",
  lmcache: "0.5.6",
  sortedcontainers: "2.4.0",
  /** Raise when the recipe itself changes, so that old caches are made anew. */
  recipe: "1",
} as const;
