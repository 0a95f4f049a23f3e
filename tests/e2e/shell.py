#!/usr/bin/env python3
"""k2-test: timeout=180
The shell of `k2 query`, typed into through a real pseudo-terminal.

Each test is a function named as a sentence; what the shell prints is waited for, never slept for. With an argument
only the tests whose names hold it run, and the sessions are printed.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time

K2 = os.environ["K2_BIN"]
PROMPT = r"k2> (\x1b\[K)?$"
MORE = r"  -> (\x1b\[K)?$"
CTRL_C, CTRL_D, CTRL_R, TAB, UP = "\x03", "\x04", "\x12", "\t", "\x1b[A"
VERBOSE = len(sys.argv) > 1


class Shell:
    """One session. Text goes in as it would from a keyboard; screen is all that came back."""

    def __init__(self, home, *words, columns=100, path=None):
        environ = dict(os.environ, K2_DATA=f"{SCRATCH}/data", XDG_STATE_HOME=home, TERM="xterm",
                       LC_ALL="C.UTF-8", HOME=home)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(path or SCRATCH)
            os.execve(K2, ["k2", "query", *words], environ)
        self.resize(columns)
        self.screen = ""
        self.expect(PROMPT)

    def resize(self, columns, rows=40):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return ""
        try:
            return os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            return ""

    def expect(self, pattern, seconds=20):
        """Waits until what came since the last call matches; gives it."""
        got = ""
        until = time.monotonic() + seconds
        while not re.search(pattern, got):
            if time.monotonic() > until:
                raise AssertionError(f"no {pattern!r} in {got!r}")
            got += self.read(0.2)
        self.screen += got
        if VERBOSE:
            print(got, end="")
        return got.replace("\r\n", "\n")

    def type(self, text):
        os.write(self.fd, text.encode())

    def ask(self, text, until=PROMPT):
        """Types a line and gives what is printed up to the next prompt, without the line itself."""
        self.type(text + "\n")
        # Behind the end of the line: a resize draws the prompt again.
        return self.expect(r"\n[\s\S]*" + until).split("\n", 1)[1]

    def leave(self, how=CTRL_D):
        self.type(how)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            self.screen += self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the shell did not end")


def has(text, *parts):
    for part in parts:
        assert part in text, f"no {part!r} in:\n{text}"


def lacks(text, part):
    assert part not in text, f"{part!r} in:\n{text}"


def home_of(name):
    path = f"{SCRATCH}/home_{name}"
    os.makedirs(path, exist_ok=True)
    return path


def statements_may_take_several_lines(home):
    s = Shell(home)
    s.ask("select count(*) as n", MORE)
    s.ask("-- a remark; and no end", MORE)
    s.ask("from trades where symbol <> ';'", MORE)
    has(s.ask(";"), "\n20000\n(1 row)")
    out = s.ask("select 1 as a; select 2 as b;")
    has(out, "  a\n---\n  1\n(1 row)\n", "  b\n---\n  2\n(1 row)\n")
    s.ask("select 7 as x; select", MORE)
    has(s.ask("8 as y;"), "  y\n---\n  8\n")
    assert s.leave() == 0


def commands_are_obeyed_inside_of_a_statement(home):
    s = Shell(home)
    s.ask("select count(*) as n", MORE)
    has(s.ask("\\?", MORE), "this list")
    has(s.ask("help", MORE), "unfinished statement: end it with ; or clear it with Ctrl-C")
    has(s.ask("exit", MORE), "'exit' was not added to it")
    has(s.ask("from trades;"), "\n20000\n(1 row)")
    s.ask("select 'a", MORE)  # inside of a text it is a part of it
    s.ask("\\q", MORE)
    has(s.ask("b' as t;"), "(1 row)")
    s.ask("select", MORE)
    assert s.leave("\\q\n") == 0


def errors_do_not_end_it(home):
    s = Shell(home)
    has(s.ask("select * from tardes;"), "error:", "tardes", 'Did you mean "trades"?')
    has(s.ask("selec 1;"), "error:", "selec is refused")
    has(s.ask("copy trades to '/tmp/k2_never';"), "error:", "only reads")
    has(s.ask("attach 'x.db' as x;"), "error:", "only reads")
    has(s.ask("pragma version;"), "error:", "only reads")
    has(s.ask("from read_csv('/etc/passwd');"), "error:", "K2's tables only")
    has(s.ask("show columns from '/etc/passwd';"), "error:")
    has(s.ask("select 5 as five;"), "five\n----\n   5\n")
    assert not os.path.exists("/tmp/k2_never")
    assert s.leave("\\q\n") == 0


def tables_and_columns_are_described(home):
    s = Shell(home)
    out = s.ask("\\d")
    has(out, "schema       name", "market_data  trades          table", "market_data  ticks           view")
    lacks(out, "k2_plan")
    assert s.ask("\\dt") == out
    has(s.ask("\\d trades"), "price                     DECIMAL(20,9)", "meaning", "message_id")
    has(s.ask("\\d market_data.TICKS;"), "timestamp                 TIMESTAMP WITH TIME ZONE")
    has(s.ask("\\d tradez"), "there is no table 'tradez'; did you mean trades?")
    assert s.ask(".tables").split()[:4] == ["auctions", "bars", "book_events", "checked_quotes"]
    has(s.ask(".schema quotes"), "CREATE TABLE market_data.quotes (\n    exchange VARCHAR,\n")
    has(s.ask("\\l"), "market_data", f"{SCRATCH}/data")
    has(s.ask("show columns from trades;"), "column_name", "DECIMAL(20,9)")
    has(s.ask("describe trades;"), "column_name", "DECIMAL(20,9)")
    out = s.ask("select table_name, table_type from information_schema.tables order by 1;")
    has(out, "trades          BASE TABLE", "ticks           VIEW")
    lacks(out, "k2_plan")
    assert s.leave() == 0


def unknown_commands_tell_the_nearest(home):
    s = Shell(home)
    has(s.ask("\\timng"), "there is no command \\timng; did you mean \\timing?")
    has(s.ask(".mod csv"), "there is no command .mod; did you mean .mode?")
    has(s.ask(".mode yaml"), "there is no mode 'yaml'")
    has(s.ask("\\x maybe"), "takes on or off")
    has(s.ask(".maxrows many"), "takes a number")
    has(s.ask("\\asof whenever"), "error:")
    has(s.ask("\\i nosuch.sql"), "error:", "nosuch.sql")
    has(s.ask("\\zzzzzzzz"), "\\? tells")
    for word in ("\\?", ".help", "help", "HELP;"):
        has(s.ask(word), "\\timing [on|off]", ".mode [MODE]", "Ctrl-R")
    assert s.leave("exit;\n") == 0


def modes_change_how_results_look(home):
    s = Shell(home)
    sql = "select 1 as a, 'x|y' as b;"
    s.ask(".mode csv")
    assert s.ask(sql).startswith("a,b\n1,x|y\nk2> ")
    s.ask("\\mode json")
    assert s.ask(sql).startswith('[\n{"a":1,"b":"x|y"}\n]\n')
    s.ask(".mode ndjson")
    assert s.ask(sql).startswith('{"a":1,"b":"x|y"}\n')
    s.ask(".mode markdown")
    has(s.ask(sql), "|   1 | x\\|y |")
    s.ask(".mode line")
    has(s.ask(sql), "a = 1\nb = x|y\n\n(1 row)\n")
    has(s.ask(".mode"), "mode is line")
    s.ask(".mode table")
    has(s.ask("\\x"), "on")
    has(s.ask(sql), "a = 1\nb = x|y\n\n")
    has(s.ask("\\x off"), "off")
    has(s.ask("\\timing"), "timing is on")
    assert re.search(r"Time: \d+\.\d{3} ms\n", s.ask("select 1;"))
    has(s.ask(".timer off"), "timing is off")
    lacks(s.ask("select 1;"), "Time:")
    assert s.leave(".quit\n") == 0


def long_results_are_cut_and_say_so(home):
    s = Shell(home)
    out = s.ask("select * from range(250);")
    has(out, "\n   99\n(100 of 250 rows: .maxrows N shows more)")
    lacks(out, "\n  100\n")
    s.ask(".maxrows 3")
    has(s.ask("select * from range(250);"), "(3 of 250 rows")
    has(s.ask("select * from range(1000000000000);"), "(3 of more than ")
    s.ask(".maxrows 0")
    has(s.ask("select * from range(250);"), "\n  249\n(250 rows)")
    assert s.leave() == 0


def wide_results_fit_the_terminal_also_when_it_changes(home):
    s = Shell(home, columns=100)

    def widest():
        out = s.ask("from trades limit 3;")
        return max(len(line) for line in out.split("\n")[:-1]), out

    wide, out = widest()
    assert 60 < wide <= 100, out
    has(out, "of 24 columns: \\x shows all", "\u2026")
    s.resize(60)
    narrow, out = widest()
    assert narrow <= 60 and narrow < wide, out
    s.resize(400)
    wide, out = widest()
    lacks(out, "columns:")
    assert wide > 250, out
    # The line that is being typed survives a resize.
    s.type("select 'a")
    s.expect("select 'a")
    s.resize(50)
    has(s.ask("b' as ab;"), "ab\n---\nab\n")
    assert s.leave() == 0


def tab_completes_words_of_sql_tables_and_columns(home):
    s = Shell(home)
    s.type("SEL" + TAB + "count(*) as n FR" + TAB + "tra" + TAB + "WHERE sym" + TAB + "is not null;")
    has(s.ask(""), "\n20000\n")
    s.type("sel" + TAB + "count(*) as n fr" + TAB + "market_data.tra" + TAB + ";")
    has(s.ask(""), "\n20000\n")
    s.type("\\timi" + TAB + "on")
    has(s.ask(""), "timing is on")
    s.type(".mode ndj" + TAB)
    s.ask("")
    has(s.ask("select 1 as a;"), '{"a":1}')
    s.type("\\d quo" + TAB)
    has(s.ask(""), "bid_price")
    # Several fit: they are listed below, and the line stays.
    s.type("select bid_" + TAB)
    has(s.expect(r"bid_quantity[\s\S]*select bid_$"), "bid_price")
    s.type(CTRL_C)
    s.expect(PROMPT)
    assert s.leave() == 0


def history_is_kept_across_sessions_and_private(home):
    s = Shell(home)
    s.ask("select 41 as", MORE)
    s.ask("  first_one; -- remark")
    s.ask("\\timing off")
    other = Shell(home)
    other.ask("select 42 as other_one;")
    assert other.leave() == 0
    s.ask("select 43 as last_one;")
    assert s.leave() == 0
    path = f"{home}/k2/history"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="utf-8") as file:
        assert file.read().splitlines() == [
            "select 41 as first_one;", "\\timing off", "select 42 as other_one;",
            "select 43 as last_one;"]
    s = Shell(home)
    s.type(UP)
    s.expect("last_one")
    has(s.ask(""), "last_one\n--------\n      43\n")
    s.type(CTRL_R + "first")
    s.expect("first_one")
    s.type("\x1b")  # ends the search on the line found
    s.type("\x05")
    has(s.ask(""), "first_one\n---------\n       41\n")
    assert s.leave() == 0


def history_is_cut_when_it_is_long(home):
    path = f"{home}/k2/history"
    os.makedirs(f"{home}/k2")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"select {i};\n" for i in range(10001))
    os.chmod(path, 0o644)
    s = Shell(home)
    s.type(UP)
    s.expect("select 10000;")
    s.ask("")
    s.ask("select 'two", MORE)
    s.ask("lines' as x;")
    assert s.leave() == 0
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    assert lines[0] == "select 5001;" and lines[4999] == "select 10000;", lines[:1]
    assert lines[5000:] == ["select 10000;", "select 'two\x01lines' as x;", ""], lines[4999:]
    s = Shell(home)
    s.type(UP)
    s.expect("two")
    has(s.ask(""), "two\\nlines")
    assert s.leave() == 0


def it_comes_back_from_the_background(home):
    s = Shell(home)
    s.type("select 1")
    s.expect("select 1")
    os.kill(s.pid, signal.SIGSTOP)
    os.waitpid(s.pid, os.WUNTRACED)
    os.kill(s.pid, signal.SIGCONT)
    s.expect("k2> select 1")  # drawn again
    has(s.ask("2 as n;"), "\n 12\n")
    assert s.leave() == 0


def ctrl_c_stops_a_query_and_clears_a_line(home):
    s = Shell(home)
    s.type("select count(*) from trades a, trades b, trades c;\n")
    s.expect(r"Ctrl-C cancels")  # the bar: it runs for longer than half a second
    began = time.monotonic()
    s.type(CTRL_C)
    has(s.expect(PROMPT), "the query was cancelled")
    assert time.monotonic() - began < 1
    s.type("select nothing at all")
    s.expect("at all")
    s.type(CTRL_C)
    s.expect(PROMPT)
    s.ask("select 'half a", MORE)
    s.type(CTRL_C)
    s.expect(PROMPT)
    has(s.ask("select 6 as six;"), "six\n---\n  6\n")
    # A signal from elsewhere is the same as the key.
    s.type("select not this")
    s.expect("not this")
    os.kill(s.pid, signal.SIGINT)
    s.expect(PROMPT)
    has(s.ask("select 7 as seven;"), "    7\n")
    os.kill(s.pid, signal.SIGTERM)
    assert s.leave("") == 0


def results_go_to_a_file_and_files_are_run(home):
    s = Shell(home, path=home)
    s.ask(".mode csv")
    has(s.ask("\\o result.csv"), "results go to result.csv, as csv")
    s.ask("select 1 as a;")
    s.ask("select 2 as b;")
    s.ask("\\o")
    with open(f"{home}/result.csv", encoding="utf-8") as file:
        assert file.read() == "a\n1\nb\n2\n"
    has(s.ask("\\o x.parquet"), "--out x.parquet writes Parquet")
    has(s.ask("\\o /nosuch/file"), "cannot be written")
    with open(f"{home}/file.sql", "w", encoding="utf-8") as file:
        file.write(".mode line\nselect 3\n as c;\nselect 4 as d")
    has(s.ask("\\i file.sql"), "c = 3\n", "d = 4\n")
    with open(f"{home}/file.sql", "w", encoding="utf-8") as file:
        file.write("select 5 as e;\nselect nosuch;\nselect 6 as f;\n")
    out = s.ask(".read file.sql")
    has(out, "e = 5", "error:", "file.sql stopped at line 2")
    lacks(out, "f = 6")
    with open(f"{home}/file.sql", "w", encoding="utf-8") as file:
        file.write("\\i file.sql\n")
    has(s.ask("\\i file.sql"), "files run files")
    assert s.leave() == 0


def tables_are_read_as_of_an_instant(home):
    s = Shell(home, "--param", "s=AAPL")
    s.ask("\\asof 2001-01-01")
    has(s.ask("\\asof"), "as of 2001-01-01")
    has(s.ask("select count(*) as n from trades;"), "\n  0\n")
    s.ask("\\asof off")
    has(s.ask("\\asof"), "as of now")
    has(s.ask("select count(*) as n from trades;"), "20000")
    has(s.ask("select symbol as s from trades where symbol = $s limit 1;"), "AAPL")
    assert s.leave() == 0


def scripts_print_every_result_and_stop_at_the_first_error(_home):
    def run(text, *words):
        done = subprocess.run([K2, "query", "--format", "csv", *words], input=text, text=True,
                              capture_output=True, timeout=60,
                              env=dict(os.environ, K2_DATA=f"{SCRATCH}/data"), check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("select 1 as a; select 2 as b;\n")[:2] == (0, "a\n1\nb\n2\n")
    assert run("select 1 as a; -- x\n", "-")[:2] == (0, "a\n1\n")
    code, out, err = run("select 1 as a;\nselect * from nosuch;\nselect 3 as c;\n", "-f", "-")
    assert (code, out) == (1, "a\n1\n")
    has(err, "nosuch")
    code, out, err = run("", "select 1", "--cut", "hybrid")
    assert code == 2
    has(err, "historical")
    code, out, err = run("", "--explain", "select max(price) from trades where price < 0")
    assert code == 0
    row = dict(zip(*(line.split(",") for line in out.splitlines()[:2])))
    assert int(row["files_read"]) <= int(row["files_total"])
    has(out, "row_groups_total", "row_groups_read", '""journal""')


def main():
    tests = [f for name, f in globals().items()
             if callable(f) and hasattr(f, "__code__") and f.__code__.co_argcount == 1
             and f.__code__.co_varnames[0] in ("home", "_home")]
    environ = dict(os.environ, K2_DATA=f"{SCRATCH}/data")
    for words in (["simulate", "--seconds", "1", "--rate", "20K", "--seed", "1"], ["sink", "--once"]):
        subprocess.run([K2, *words], env=environ, check=True, capture_output=True, timeout=60)
    failures = 0
    for test in tests:
        if VERBOSE and sys.argv[1] not in test.__name__:
            continue
        try:
            test(home_of(test.__name__))
        except AssertionError as error:
            failures += 1
            print(f"FAILED: {test.__name__}: {error}", file=sys.stderr)
    print(f"{len(tests)} tests, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    SCRATCH = tempfile.mkdtemp(prefix="k2shell.")
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
