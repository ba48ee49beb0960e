// GET /metrics: process figures, then the engines' families, the cache configuration and the HTTP counts.

import type { SimSettings } from "../settings/settings.ts";
import type { EngineMetrics } from "./engine_metrics.ts";
import { bucketSamples, familyText, floatText, type Sample } from "./exposition.ts";
import { type Family, vllmFamilies } from "./families.ts";
import type { HttpMetrics } from "./http_metrics.ts";

/** Families this configuration shows: those of its connector and role, and the general ones. */
export function shownFamilies(settings: SimSettings): readonly Family[] {
  const nixl = settings.connector?.name.startsWith("Nixl") || settings.connector?.name === "MultiConnector";
  const consumer = settings.connector !== null && settings.connector.role !== "kv_producer";
  return vllmFamilies(settings.maxModelLen).filter(({ only }) =>
    only === undefined || (only === "nixl" ? nixl : consumer)
  );
}

export function metricsPage(
  settings: SimSettings,
  families: readonly Family[],
  engines: readonly EngineMetrics[],
  http: HttpMetrics,
): string {
  const modelName = settings.servedNames[0] ?? settings.model;
  return [
    processText(engines[0]?.createdAtMs ?? 0),
    ...families.map((family) => vllmText(family, engines, modelName)),
    cacheConfigText(settings),
    http.text(),
  ].join("");
}

function vllmText(family: Family, engines: readonly EngineMetrics[], modelName: string): string {
  const base = family.kind === "counter" ? `${family.name}_total` : family.name;
  const samples: Sample[] = [];
  const created: Sample[] = [];
  for (const [rank, metrics] of engines.entries()) {
    const labels: Record<string, string> = { model_name: modelName };
    if (!family.wholeServer) labels["engine"] = String(rank);
    const histogram = metrics.histogram(family.name);
    if (histogram) samples.push(...bucketSamples(labels, histogram.buckets, histogram.counts, histogram.sum));
    for (const value of family.label?.values ?? [""]) {
      const all = family.label ? { ...labels, [family.label.name]: value } : labels;
      if (!histogram) samples.push({ suffix: "", labels: all, value: metrics.number(family.name, value) });
      created.push({ suffix: "", labels: all, value: metrics.createdAtMs / 1000 });
    }
    if (family.wholeServer) break;
  }
  const text = familyText(base, family.kind, family.help, samples);
  return family.kind === "gauge" ? text : text + familyText(`${family.name}_created`, "gauge", family.help, created);
}

/** Names and labels of the transcripts; values where the simulator has them. */
function cacheConfigText(settings: SimSettings): string {
  const tokens = settings.kvBlocks * settings.blockSize;
  const labels = {
    _block_size_resolved: "True",
    block_size: String(settings.blockSize),
    cache_dtype: "auto",
    cache_hit_alignment_tokens: "None",
    effective_attention_block_size: String(settings.blockSize),
    enable_mamba_shared_prefix_checkpoint: "False",
    enable_prefix_caching: settings.switches.prefixCaching ? "True" : "False",
    gpu_memory_utilization: "0.92",
    hash_block_size: "None",
    is_attention_free: "False",
    kv_cache_dtype_skip_layers: "[]",
    kv_cache_layout: "None",
    kv_cache_max_concurrency: floatText(tokens / settings.maxModelLen),
    kv_cache_memory_bytes: settings.kvCacheMemoryBytes === null ? "None" : String(settings.kvCacheMemoryBytes),
    kv_cache_size_tokens: String(tokens),
    kv_offloading_backend: "native",
    kv_offloading_size: "None",
    kv_sharing_fast_prefill: "False",
    mamba_block_size: "None",
    mamba_cache_dtype: "auto",
    mamba_cache_mode: "none",
    mamba_page_size_padded: "None",
    mamba_ssm_cache_dtype: "float32",
    num_cpu_blocks: "None",
    num_gpu_blocks: String(settings.kvBlocks),
    num_gpu_blocks_override: "None",
    prefix_cache_retention_interval: "0",
    prefix_caching_hash_algo: "sha256",
    prefix_match_unit: "None",
    replayssm_buffer_len: "16",
    skip_page_size_padded: "None",
    sliding_window: "None",
    swa_bounded_replay: "True",
    use_kda_recoverssm: "False",
    use_replayssm: "False",
    user_specified_block_size: settings.blockSizeGiven ? "True" : "False",
  };
  const samples = Array.from({ length: settings.parallel.dp }, (_, rank): Sample => ({
    suffix: "",
    labels: { ...labels, engine: String(rank) },
    value: 1,
  }));
  return familyText("vllm:cache_config_info", "gauge", "configuration of the KV cache, as labels", samples);
}

function processText(startedAtMs: number): string {
  const generations = ["0", "1", "2"].map((generation): Sample => ({ suffix: "", labels: { generation }, value: 0 }));
  const memory = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  const python = { implementation: "CPython", major: "3", minor: "11", patchlevel: "7", version: "3.11.7" };
  const single = (name: string, kind: string, value: number) =>
    familyText(`process_${name}`, kind, "of the simulator's process", [{ suffix: "", labels: {}, value }]);
  return [
    familyText("python_gc_objects_collected_total", "counter", "always 0 here", generations),
    familyText("python_gc_objects_uncollectable_total", "counter", "always 0 here", generations),
    familyText("python_gc_collections_total", "counter", "always 0 here", generations),
    familyText("python_info", "gauge", "the Python of the transcripts", [{ suffix: "", labels: python, value: 1 }]),
    single("virtual_memory_bytes", "gauge", memory),
    single("resident_memory_bytes", "gauge", memory),
    single("start_time_seconds", "gauge", startedAtMs / 1000),
    single("cpu_seconds_total", "counter", (cpu.user + cpu.system) / 1e6),
    single("open_fds", "gauge", 0),
    single("max_fds", "gauge", 20000),
  ].join("");
}
