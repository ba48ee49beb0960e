"""Stands in for the package sgl_kernel, whose CPU build PyPI does not have.

SGLang computes norms, activations and rotary positions with plain torch when there are no CPU kernels; only the bookkeeping of
which request owns which cache rows has no other way.
"""

__version__ = "0.4.10"


def assign_req_to_token_pool_cpu(request_rows, table, starts, ends, cache_rows, _row_length):
    taken = 0
    for row, start, end in zip(request_rows.tolist(), starts.tolist(), ends.tolist()):
        count = end - start
        table[row, start:end] = cache_rows[taken : taken + count].to(table.dtype)
        taken += count


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*_args, **_kwargs):
        raise NotImplementedError(f"the stand-in for sgl_kernel has no {name}")

    missing.__name__ = name
    return missing
