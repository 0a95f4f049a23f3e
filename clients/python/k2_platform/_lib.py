"""libk2.so through ctypes: finding it, its functions, its errors."""

import ctypes
import ctypes.util
import os
import sys
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


def _named():
    """What $K2_LIB names, a file or a directory, or None. A wrong name is not passed over."""
    named = os.environ.get("K2_LIB")
    if not named:
        return None
    path = Path(named)
    path = path / NAME if path.is_dir() else path
    if not path.exists():
        raise K2Error(f"K2_LIB names {named}, but there is no {path}", K2Error.NOTFOUND)
    return path


def _candidates():
    """Beside the package; $K2_LIB; the build tree this file stands in; where libraries are installed."""
    here = Path(__file__).resolve().parent
    yield here / NAME
    yield here.parent / NAME
    named = _named()
    if named:
        yield named
    if len(here.parents) > 2:
        for kind in ("release", "dev", "debug"):
            yield here.parents[2] / "build" / kind / "lib" / NAME
    yield Path(sys.prefix) / "lib" / NAME
    yield Path("/usr/local/lib") / NAME


def _find():
    """A path, or a name that the loader knows (ldconfig, LD_LIBRARY_PATH)."""
    tried = []
    for path in _candidates():
        if path.exists():
            return str(path)
        tried.append(str(path))
    found = ctypes.util.find_library("k2")
    if found is None:
        raise K2Error(
            f"{NAME} was not found; searched: {', '.join(tried)} and the loader's own places. "
            "Install K2, or set K2_LIB to the file",
            K2Error.NOTFOUND,
        )
    return found


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
        found = _find()
        try:
            _loaded = _declare(ctypes.CDLL(found))
        except OSError as failure:
            raise K2Error(f"{found} could not be loaded: {failure}") from None
        except AttributeError as failure:
            raise K2Error(f"{found} is another library, or of another version: {failure}") from None
    return _loaded


def call(function, *args):
    """Calls a function that ends in (error, error_size); raises K2Error when it fails."""
    error = ctypes.create_string_buffer(ERROR_SIZE)
    code = function(*args, error, ERROR_SIZE)
    if code != 0:
        raise K2Error(error.value.decode("utf-8", "replace"), code)
