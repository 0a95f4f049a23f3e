"""libk2.so through ctypes: finding it, its functions, its errors."""

import ctypes
import os
from pathlib import Path

NAME = "libk2.so"
ERROR_SIZE = 4096


class K2Error(Exception):
    """What K2 says went wrong. `code` is one of the K2_ERR_ numbers of include/k2/k2.h."""

    FAILED, INVALID, NOTFOUND, UNSUPPORTED, CANCELLED, NOMEM, CORRUPT = range(-1, -8, -1)

    def __init__(self, message, code=FAILED):
        super().__init__(message)
        self.code = code


class Param(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p)]


def _candidates():
    """Beside the package; $K2_LIB (file or directory); the build tree this file stands in."""
    here = Path(__file__).resolve().parent
    yield here / NAME
    yield here.parent / NAME
    named = os.environ.get("K2_LIB")
    if named:
        path = Path(named)
        yield path / NAME if path.is_dir() else path
    for kind in ("release", "dev", "debug"):
        yield here.parents[2] / "build" / kind / "lib" / NAME


def _declare(lib):
    text, size, handle = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
    lib.k2_open.argtypes = [text, ctypes.POINTER(handle), text, size]
    lib.k2_query_arrow.argtypes = [
        handle, text, ctypes.POINTER(Param), ctypes.c_int, text, ctypes.c_void_p, text, size,
    ]
    lib.k2_cancel.argtypes = [handle]
    lib.k2_cancel.restype = None
    lib.k2_close.argtypes = [handle]
    lib.k2_close.restype = None
    lib.k2_version.restype = text
    return lib


_loaded = None


def load():
    """The library, loaded once per process."""
    global _loaded
    if _loaded is None:
        tried = list(_candidates())
        found = next((path for path in tried if path.exists()), None)
        if found is None:
            raise K2Error(
                f"{NAME} was not found; searched: {', '.join(map(str, tried))}. "
                "Build it with `make build`, or set K2_LIB to it",
                K2Error.NOTFOUND,
            )
        try:
            _loaded = _declare(ctypes.CDLL(str(found)))
        except OSError as failure:
            raise K2Error(f"{found} could not be loaded: {failure}") from None
    return _loaded


def call(function, *args):
    """Calls a function that ends in (error, error_size); raises K2Error when it fails."""
    error = ctypes.create_string_buffer(ERROR_SIZE)
    code = function(*args, error, ERROR_SIZE)
    if code != 0:
        raise K2Error(error.value.decode("utf-8", "replace"), code)
