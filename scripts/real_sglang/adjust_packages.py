"""Edits that a real SGLang needs to run as prefill and decode on CPU cores. Run with the Python of the virtual environment.

usage: adjust_packages.py FOLDER_OF_THIS_RECIPE
"""

import os
import re
import shutil
import sys
import sysconfig

SITE = sysconfig.get_paths()["purelib"]
SRT = "sglang/srt"


def edit(path, *replacements):
    """Each replacement is (pattern, new); one that matches neither before nor after has met another version."""
    full = os.path.join(SITE, path)
    with open(full, encoding="utf-8") as file:
        text = file.read()
    for pattern, new in replacements:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        if count == 0 and re.sub(r"\\\d", "", new) not in text:
            sys.exit(f"{path} has changed: {pattern!r} is not there")
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def main(recipe):
    package = os.path.join(SITE, "sgl_kernel")
    os.makedirs(package, exist_ok=True)
    shutil.copyfile(os.path.join(recipe, "sgl_kernel.py"), os.path.join(package, "__init__.py"))

    # NIXL's progress thread polls without a pause and takes a core from each worker.
    edit("nixl_cu13/_api.py", (r"agent_config\.pthrDelay = 0$", "agent_config.pthrDelay = 1000"))
    # SGLang tells NIXL that KV lies in GPU memory; here it lies in main memory, which it also knows as a second kind.
    edit(
        f"{SRT}/disaggregation/nixl/conn.py",
        (r'"VRAM"', '"DRAM"'),
        (r'for mem_kind in \("DRAM", "DRAM"\):', 'for mem_kind in ("DRAM",):'),
    )
    edit(f"{SRT}/disaggregation/decode.py", (r'\["VRAM"\]', '["DRAM"]'))
    # Prefill would record a CUDA event for tensors in host memory.
    edit(
        f"{SRT}/disaggregation/prefill.py",
        (
            r'^( *)if getattr\(sender, "supports_host_tensor_indices", False\) and not \(',
            r'\1if torch.cuda.is_available() and getattr(sender, "supports_host_tensor_indices", False) and not (',
        ),
    )
    # /release_memory_occupation would synchronise the CUDA that this build of torch names as its device.
    edit(
        f"{SRT}/managers/scheduler_components/weight_updater.py",
        (r"torch\.get_device_module\(\)\.synchronize\(\)", "torch.cpu.synchronize()"),
    )


main(sys.argv[1])
