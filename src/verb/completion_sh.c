/* verb/completion_sh.c - the scripts for bash and zsh. Both hold the same tables, as functions of the
 * language that the two shells share, and each its own way of asking them.
 */
#include "verb/completion.h"

/* What the functions say of a place: a word for its kind, then the words that fit. */
static const char *const kind_words[COMPLETION_KINDS] = {"none",   "words",   "files",    "dirs",
                                                         "topics", "tables",  "subjects", "formats",
                                                         "words",  "commands"};

static void put_answer(struct k2_buf *out, struct completion c) {
    k2_buf_printf(out, "echo '%s", kind_words[c.kind]);
    if (c.kind == COMPLETION_WORDS)
        k2_buf_printf(out, " %s", c.words);
    for (const char *const *x = feed_exchanges(); c.kind == COMPLETION_EXCHANGES && *x; x++)
        k2_buf_printf(out, " %s", *x);
    k2_buf_str(out, "'");
}

static void put_subs(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx;
    if (!v->subs)
        return;
    k2_buf_printf(out, "    '%s') echo '", path);
    for (const struct verb *const *s = v->subs; *s; s++)
        k2_buf_printf(out, "%s%s", s == v->subs ? "" : " ", (*s)->name);
    k2_buf_str(out, "' ;;\n");
}

static void put_names(struct k2_buf *out, const struct verb_option *table) {
    for (const struct verb_option *o = table; o && o->name; o++) {
        k2_buf_printf(out, " --%s", o->name);
        if (o->letter)
            k2_buf_printf(out, " -%c", o->letter);
    }
}

static void put_options(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx;
    k2_buf_printf(out, "    '%s') echo '", path);
    put_names(out, v->options);
    put_names(out, verb_general);
    k2_buf_str(out, "' ;;\n");
}

static void put_values_of(struct k2_buf *out, const char *path, const struct verb_option *table) {
    struct k2_buf scratch = {0};
    for (const struct verb_option *o = table; o && o->name; o++) {
        if (!o->arg)
            continue;
        k2_buf_printf(out, "    '%s:--%s'", path, o->name);
        if (o->letter)
            k2_buf_printf(out, "|'%s:-%c'", path, o->letter);
        k2_buf_str(out, ") ");
        put_answer(out, completion_of_option(o, &scratch));
        k2_buf_str(out, " ;;\n");
    }
    k2_buf_free(&scratch);
}

static void put_values(void *ctx, const char *path, const struct verb *v) {
    put_values_of(ctx, path, v->options);
    put_values_of(ctx, path, verb_general);
}

static void put_args(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx, scratch = {0};
    struct completion c = completion_of_args(v, &scratch);
    if (c.kind != COMPLETION_NONE) {
        k2_buf_printf(out, "    '%s') ", path);
        put_answer(out, c);
        k2_buf_str(out, " ;;\n");
    }
    k2_buf_free(&scratch);
}

static void put_function(struct k2_buf *out, const char *name, const char *comment,
                         void (*visit)(void *ctx, const char *path, const struct verb *v),
                         const char *key) {
    k2_buf_printf(out, "# %s\n%s() {\n    case \"%s\" in\n", comment, name, key);
    completion_each(visit, out);
    k2_buf_str(out, "    esac\n}\n\n");
}

static void put_tables(struct k2_buf *out) {
    put_function(out, "_k2_subs", "the commands below a command", put_subs, "$1");
    put_function(out, "_k2_options", "the options of a command", put_options, "$1");
    put_function(out, "_k2_value", "COMMAND:OPTION: what its value is; nothing: it takes none",
                 put_values, "$1");
    put_function(out, "_k2_args", "what the arguments of a command are", put_args, "$1");
    k2_buf_str(out, "# The first column of a list that k2 prints. $1 is the program, $2 the data "
                    "directory or nothing.\n"
                    "_k2_ask() {\n"
                    "    local program=$1 data=$2\n"
                    "    shift 2\n"
                    "    \"$program\" --quiet ${data:+\"--data=$data\"} \"$@\" --format csv "
                    "2>/dev/null | tail -n +2 | cut -d, -f1\n"
                    "}\n\n"
                    "# The words of a kind; files and directories are the shell's business.\n"
                    "_k2_words() { # KIND PROGRAM DATA\n"
                    "    case \"$1\" in\n"
                    "    topics) _k2_ask \"$2\" \"$3\" topic list ;;\n"
                    "    tables) _k2_ask \"$2\" \"$3\" table list ;;\n"
                    "    subjects) _k2_ask \"$2\" \"$3\" schema list ;;\n"
                    "    formats) _k2_ask \"$2\" \"$3\" feed list ;;\n"
                    "    commands) _k2_subs '' ;;\n"
                    "    esac\n"
                    "}\n\n");
}

static const char bash_glue[] =
    "_k2() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} at='' option='' data='' word answer i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == = ]]; then\n"
    "            continue\n"
    "        elif [[ -n $option ]]; then\n"
    "            [[ $option != --data ]] || data=$word\n"
    "            option=''\n"
    "        elif [[ $word == -* ]]; then\n"
    "            [[ -z $(_k2_value \"$at:$word\") ]] || option=$word\n"
    "        elif [[ \" $(_k2_subs \"$at\") \" == *\" $word \"* ]]; then\n"
    "            at=${at:+$at }$word\n"
    "        fi\n"
    "    done\n"
    "    [[ $cur != = ]] || cur=''\n"
    "    if [[ -n $option ]]; then\n"
    "        answer=$(_k2_value \"$at:$option\")\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        answer=\"words $(_k2_options \"$at\")\"\n"
    "    elif [[ -n $(_k2_subs \"$at\") ]]; then\n"
    "        answer=\"words $(_k2_subs \"$at\")\"\n"
    "    else\n"
    "        answer=$(_k2_args \"$at\")\n"
    "    fi\n"
    "    case \"${answer%% *}\" in\n"
    "    words) mapfile -t COMPREPLY < <(compgen -W \"${answer#words}\" -- \"$cur\") ;;\n"
    "    files) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "    dirs) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    none | '') ;;\n"
    "    *)\n"
    "        mapfile -t COMPREPLY < <(\n"
    "            compgen -W \"$(_k2_words \"$answer\" \"${COMP_WORDS[0]}\" \"$data\")\" -- "
    "\"$cur\"\n"
    "            [[ $answer != formats ]] || compgen -f -- \"$cur\"\n"
    "        ) ;;\n"
    "    esac\n"
    "    case \"$answer\" in files | dirs | formats) compopt -o filenames 2>/dev/null ;; esac\n"
    "    return 0\n"
    "}\n"
    "complete -F _k2 k2\n";

void completion_bash(struct k2_buf *out) {
    k2_buf_str(out, "# bash completion of k2, made by: k2 completion bash\n\n");
    put_tables(out);
    k2_buf_str(out, bash_glue);
}

/* "name:summary", for lists that explain. */
static void put_described(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx;
    if (!v->subs)
        return;
    k2_buf_printf(out, "    '%s') print -r -l --", path);
    for (const struct verb *const *s = v->subs; *s; s++) {
        struct k2_buf line = {0};
        k2_buf_printf(&line, "%s:%s", (*s)->name, (*s)->summary);
        k2_buf_byte(out, ' ');
        completion_quote(out, k2_buf_cstr(&line));
        k2_buf_free(&line);
    }
    k2_buf_str(out, " ;;\n");
}

static const char zsh_glue[] =
    "_k2() {\n"
    "    local at='' option='' data='' word answer i\n"
    "    local -a found\n"
    "    for ((i = 2; i < CURRENT; i++)); do\n"
    "        word=${words[i]}\n"
    "        if [[ -n $option ]]; then\n"
    "            [[ $option != --data ]] || data=$word\n"
    "            option=''\n"
    "        elif [[ $word == --data=* ]]; then\n"
    "            data=${word#--data=}\n"
    "        elif [[ $word == -* ]]; then\n"
    "            [[ -z $(_k2_value \"$at:$word\") ]] || option=$word\n"
    "        elif [[ \" $(_k2_subs \"$at\") \" == *\" $word \"* ]]; then\n"
    "            at=${at:+$at }$word\n"
    "        fi\n"
    "    done\n"
    "    word=${words[CURRENT]}\n"
    "    if [[ -z $option && $word == --*=* ]]; then\n"
    "        option=${word%%=*}\n"
    "        compset -P '*='\n"
    "    fi\n"
    "    if [[ -n $option ]]; then\n"
    "        answer=$(_k2_value \"$at:$option\")\n"
    "    elif [[ $word == -* ]]; then\n"
    "        answer=\"words $(_k2_options \"$at\")\"\n"
    "    elif [[ -n $(_k2_subs \"$at\") ]]; then\n"
    "        found=(${(f)\"$(_k2_described \"$at\")\"})\n"
    "        _describe command found\n"
    "        return\n"
    "    else\n"
    "        answer=$(_k2_args \"$at\")\n"
    "    fi\n"
    "    case \"${answer%% *}\" in\n"
    "    words) compadd -- ${=answer#words} ;;\n"
    "    files) _files ;;\n"
    "    dirs) _files -/ ;;\n"
    "    none | '') ;;\n"
    "    *)\n"
    "        compadd -- ${=\"$(_k2_words \"$answer\" \"${words[1]}\" \"$data\")\"}\n"
    "        [[ $answer != formats ]] || _files ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] == _k2 ]]; then\n"
    "    _k2 \"$@\"\n"
    "else\n"
    "    compdef _k2 k2\n"
    "fi\n";

void completion_zsh(struct k2_buf *out) {
    k2_buf_str(out, "#compdef k2\n# zsh completion of k2, made by: k2 completion zsh\n\n");
    put_tables(out);
    put_function(out, "_k2_described", "the same with what they do", put_described, "$1");
    k2_buf_str(out, zsh_glue);
}
