"""How kernels are compiled: kept on disk, and without the interpreter's lock."""

from __future__ import annotations

import numba

compiled = numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"}
)
inlined = numba.njit(inline="always", error_model="numpy")
