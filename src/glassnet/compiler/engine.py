"""From LLVM IR to functions that Python can call; compiled code lives in memory only.

llvmlite is imported where it is needed: ``import glassnet`` does not pay for it, and where it is missing everything
still works eagerly.
"""

from __future__ import annotations

import ctypes
import platform
from functools import lru_cache
from typing import Any

from glassnet.engine.errors import ConfigError


@lru_cache(maxsize=1)
def _llvm() -> Any:
    """llvmlite's binding, ready to compile for this processor."""
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise ConfigError("compiling needs llvmlite: pip install llvmlite, or use compile=False.") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@lru_cache(maxsize=1)
def _features() -> dict[str, bool]:
    return dict(_llvm().get_host_cpu_features())


def register_bytes() -> int:
    """The width of a vector register of this processor: 64 with AVX-512, 32 with AVX2, 16 otherwise (NEON, SSE)."""
    if _features().get("avx512f"):
        return 64
    return 32 if _features().get("avx2") else 16


def register_count() -> int:
    """How many vector registers this processor has: 32 with AVX-512 and on 64-bit ARM, 16 otherwise."""
    return 32 if register_bytes() == 64 or platform.machine().lower() in ("arm64", "aarch64") else 16


def lanes_of(element: str) -> int:
    """How many elements ("float", "double", ...) a vector register holds."""
    from glassnet.compiler.writer import BYTES

    return register_bytes() // BYTES[element]


class Code:
    """Compiled functions. Keep it alive as long as they are called."""

    def __init__(self, ir: str) -> None:
        llvm = _llvm()
        target = llvm.Target.from_default_triple()
        features = llvm.get_host_cpu_features().flatten()
        if register_bytes() == 64:
            features += ",-prefer-256-bit"
        # One for each engine, which comes to own it.
        machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)
        module = llvm.parse_assembly(ir)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    def function(self, name: str, *arguments: Any, result: Any = None) -> Any:
        """A function by its name, as ctypes sees it; ``arguments`` and ``result`` are ctypes types."""
        function: Any = ctypes.CFUNCTYPE(result, *arguments)(self._engine.get_function_address(name))
        function.code = self  # the code lives as long as the function
        return function


def attributes() -> str:
    """What every function of ours is marked with: the width of vectors that LLVM should prefer."""
    return f'nounwind "prefer-vector-width"="{register_bytes() * 8}"'
