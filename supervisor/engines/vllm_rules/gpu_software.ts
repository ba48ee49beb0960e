// Driver, CUDA toolkit, build of vLLM, and GPUs that are not there or broken.

import type { DiagnosisRule } from "../engine.ts";
import { gpuText, tpFlag } from "./fix_text.ts";

export const gpuSoftwareRules: readonly DiagnosisRule[] = [
  {
    id: "driver-missing",
    line: /Found no NVIDIA driver on your system/,
    why: () => "something needs CUDA, and this machine shows no NVIDIA driver",
    fix: () => "--kv-connector NixlConnector, which works without CUDA; in a container add --gpus all",
    example:
      "(Worker pid=32123) ERROR 11-21 09:43:18 [multiproc_executor.py:1063] RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
  },
  {
    id: "driver-old",
    line:
      /The NVIDIA driver on your system is too old(?: \(found version (?<found>\d+)\))?|CUDA driver version is insufficient/,
    why: ({ found }) =>
      `the NVIDIA driver is older than this vLLM's CUDA${found ? ` (driver's CUDA ${cudaVersion(found)})` : ""}`,
    fix: () => "update the driver to R580 or newer, or take a vLLM built for an older CUDA (wheels for cu129 or cu128)",
    example:
      "RuntimeError: The NVIDIA driver on your system is too old (found version 12040). Please update your GPU driver by downloading and installing a new version.",
  },
  {
    id: "device-unknown",
    line: /Failed to infer device type|libcuda\.so\.1: cannot open shared object file/,
    why: () => "vLLM sees no GPU, and this is not its build for CPUs",
    fix: () => "in a container add --gpus all; without a GPU install vLLM's CPU build and add --device cpu",
    example:
      "RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG`",
  },
  {
    id: "gpu-too-few",
    line: /World size \((?<asked>\d+)\) is larger than the number of available GPUs \((?<seen>\d+)\)/,
    why: ({ asked, seen }) => `the worker wants ${asked} GPUs but sees ${seen}`,
    fix: ({ seen }, evidence) => tpFlag(evidence, Math.max(1, Number(seen))),
    example:
      "  Value error, World size (4) is larger than the number of available GPUs (2) in this node. If this is intentional and you are using:",
  },
  {
    id: "gpu-id-unknown",
    line: /CUDA error: invalid device ordinal|No CUDA GPUs are available/,
    why: (_, evidence) => `${gpuText(evidence)} cannot be seen by the engine`,
    fix: () => "compare --prefill-gpus and --decode-gpus with nvidia-smi -L",
    example: "RuntimeError: CUDA error: invalid device ordinal",
  },
  {
    id: "gpu-not-in-build",
    line: /no kernel image is available for execution/,
    why: (_, evidence) => `this vLLM has no code for ${gpuText(evidence)}'s architecture`,
    fix: () => "take a vLLM whose wheel covers this GPU, or build it with TORCH_CUDA_ARCH_LIST set",
    example: "RuntimeError: CUDA error: no kernel image is available for execution on the device",
  },
  {
    id: "gpu-fault",
    line: /uncorrectable ECC error|CUDA error: unspecified launch failure|GPU is lost|CUDA error: unknown error/,
    why: (_, evidence) => `${gpuText(evidence)} reported a hardware fault`,
    fix: () =>
      "dmesg | grep -i xid tells which; reset it with nvidia-smi --gpu-reset, or leave it out of the GPU lists",
    example: "RuntimeError: CUDA error: uncorrectable ECC error encountered",
  },
  {
    id: "gpu-illegal-access",
    line: /CUDA error: an illegal memory access was encountered|cudaErrorIllegalAddress/,
    why: () => "a GPU kernel read memory that is not its own: a fault of the engine or of one of its kernels",
    fix: () => "try --enforce-eager, then another --attention-backend, and report it to vLLM with this log",
    example: "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
  },
  {
    id: "ninja-missing",
    line: /Ninja is required|ninja: not found|No such file or directory: 'ninja'/,
    why: () => "vLLM builds kernels at start and finds no ninja",
    fix: () => "install it beside vLLM: uv pip install ninja, and have that environment's bin folder in PATH",
    example: "RuntimeError: Ninja is required to load C++ extensions (pip install ninja to get it)",
  },
  {
    id: "cuda-toolkit-missing",
    line:
      /Could not find nvcc|nvcc: not found|No such file or directory: '[^']*nvcc'|CUDA_HOME environment variable is not set/,
    why: () => "vLLM builds kernels at start and finds no CUDA compiler (nvcc)",
    fix: () => "install the CUDA toolkit and export CUDA_HOME=/usr/local/cuda, or uninstall flashinfer-python",
    example: "(Worker_TP1 pid=3534) ERROR 10-11 22:28:17 [multiproc_executor.py:694] RuntimeError: Could not find nvcc",
  },
  {
    id: "compiler-missing",
    line: /Failed to find C compiler|InvalidCxxCompiler|No working C\+\+ compiler found/,
    why: () => "vLLM compiles code at start and finds no C++ compiler",
    fix: () => "install gcc and g++ (apt install build-essential), or add --enforce-eager",
    example:
      "torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')",
  },
];

/** 12040 is CUDA 12.4. */
function cudaVersion(number: string): string {
  return `${Math.floor(Number(number) / 1000)}.${Math.floor((Number(number) % 1000) / 10)}`;
}
