"""The Python client under misuse: one engine in many threads, readers left half read, and where libk2 is
looked for when the package is installed without it.
"""
import ctypes.util
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading

import _k2

for need in ("K2_BIN", "K2_LIB"):
    if not os.path.exists(os.environ.get(need, "")):
        _k2.skip(f"${need} names no file")

import k2_platform
from k2_platform.query import K2Error, QueryEngine

work = tempfile.mkdtemp(prefix="k2judge.")
data = os.path.join(work, "data")
_k2.k2("simulate", "--data", data, "--symbols", "4", "--rate", "500", "--seconds", "10", "--seed", "7")
_k2.k2("sink", "--once", "--data", data)
engine = QueryEngine(data)
ROWS = engine.arrow("SELECT count(*) AS n FROM trades")["n"][0].as_py()


def in_threads(count, job):
    """Runs job(number) in so many threads; gives what they raised."""
    raised = []

    def run(number):
        try:
            job(number)
        except BaseException as failure:  # whatever it is, the test tells it
            raised.append(repr(failure))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def works_still():
    assert engine.arrow("SELECT count(*) AS n FROM trades")["n"][0].as_py() == ROWS


def one_engine_serves_many_threads():
    def job(number):
        for i in range(25):
            got = engine.arrow("SELECT $n::INT AS n, count(*) AS rows FROM trades", params={"n": number * 100 + i})
            assert got["n"][0].as_py() == number * 100 + i and got["rows"][0].as_py() == ROWS, got

    raised = in_threads(6, job)
    assert not raised, raised[:3]
    works_still()


def failures_stay_in_their_thread():
    def job(number):
        for i in range(25):
            if (number + i) % 3:
                assert engine.arrow("SELECT count(*) AS n FROM trades")["n"][0].as_py() == ROWS
                continue
            try:
                engine.arrow("SELECT nosuch FROM trades")
                raise AssertionError("it ran")
            except K2Error as failure:
                assert "nosuch" in str(failure), failure

    raised = in_threads(6, job)
    assert not raised, raised[:3]
    works_still()


def cancels_leave_an_engine_that_works():
    stop = threading.Event()

    def cancel():
        while not stop.wait(0.002):
            engine.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    def job(number):
        for _ in range(20):
            try:
                assert engine.arrow("SELECT count(*) AS n FROM trades")["n"][0].as_py() == ROWS
            except K2Error as failure:
                assert failure.code == K2Error.CANCELLED, failure

    raised = in_threads(4, job)
    stop.set()
    canceller.join()
    assert not raised, raised[:3]
    works_still()


def readers_end_when_the_next_begins():
    first = engine.reader("SELECT * FROM trades")
    assert first.read_next_batch().num_rows > 0
    second = engine.reader("SELECT * FROM trades")
    assert sum(batch.num_rows for batch in second) == ROWS
    try:
        first.read_all()
        raise AssertionError("the first reader went on")
    except Exception as failure:
        assert "are gone" in str(failure), failure


def readers_in_threads_are_ended_and_not_mixed():
    def job(number):
        for _ in range(15):
            reader = engine.reader("SELECT symbol, price FROM trades")
            rows = 0
            try:
                for batch in reader:
                    assert batch.schema.names == ["symbol", "price"]
                    rows += batch.num_rows
                assert rows == ROWS, rows
            except OSError as failure:
                assert "are gone" in str(failure), failure
            del reader
            gc.collect()

    raised = in_threads(5, job)
    assert not raised, raised[:3]
    works_still()


def engines_close_while_others_ask():
    mine = QueryEngine(data)

    def job(number):
        for _ in range(20):
            try:
                mine.arrow("SELECT count(*) AS n FROM trades")
            except K2Error as failure:
                assert "closed" in str(failure), failure
        if number == 0:
            mine.close()

    raised = in_threads(4, job)
    assert not raised, raised[:3]


def elsewhere(variables, code="from k2_platform._lib import load; print(load().k2_version().decode())"):
    """Runs code with a copy of the package that has no library beside it and no tree around it."""
    home = os.path.join(work, "site")
    if not os.path.exists(home):
        shutil.copytree(os.path.dirname(k2_platform.__file__), os.path.join(home, "k2_platform"),
                        ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    env = {k: v for k, v in os.environ.items() if k not in ("K2_LIB", "LD_LIBRARY_PATH")}
    env.update(variables, PYTHONPATH=home)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=work)


def the_library_is_found_where_libraries_are():
    library = os.environ["K2_LIB"]
    folder = library if os.path.isdir(library) else os.path.dirname(library)
    run = elsewhere({"K2_LIB": folder})
    assert run.returncode == 0, run.stderr
    version = run.stdout
    if not ctypes.util.find_library("k2"):  # else the system's own answers
        run = elsewhere({})
        assert run.returncode == 1 and "K2_LIB" in run.stderr and "/usr/local/lib" in run.stderr, run
        run = elsewhere({"LD_LIBRARY_PATH": folder})
        if shutil.which("ld"):
            assert run.returncode == 0 and run.stdout == version, run
    run = elsewhere({"K2_LIB": os.path.join(work, "nothing")})
    assert run.returncode == 1 and "K2_LIB names" in run.stderr, run
    wrong = os.path.join(work, "wrong")
    os.mkdir(wrong)
    shutil.copy(find_m(), os.path.join(wrong, "libk2.so"))
    run = elsewhere({"K2_LIB": wrong})
    assert run.returncode == 1 and "is another library" in run.stderr, run


def find_m():
    """Some library that is not ours."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libm.so" in line or "/libm-" in line)


def a_word_that_is_none_is_told_and_nothing_else():
    code = "from k2_platform.query import QueryEngine\ntry:\n    QueryEngine(direktory='x')\nexcept TypeError as e:\n    print(e)"
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "direktory" in got.stdout and got.stderr == "", got


for check in (one_engine_serves_many_threads, failures_stay_in_their_thread, cancels_leave_an_engine_that_works,
              readers_end_when_the_next_begins, readers_in_threads_are_ended_and_not_mixed,
              engines_close_while_others_ask, a_word_that_is_none_is_told_and_nothing_else, the_library_is_found_where_libraries_are):
    check()
    print("ok", check.__name__)
engine.close()
os.system(f'rm -rf "{work}"')
