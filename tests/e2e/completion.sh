#!/usr/bin/env bash
# k2 completion: each script is loaded in its shell and asked, as the shell asks. bash is always there; zsh
# and fish are tried where they are installed.
. "$(dirname "$0")/../support/e2e.sh"

export LC_ALL=C.UTF-8 # the order of what is offered
mkdir data
run 0 k2 simulate --symbols 2 --rate 10 --seconds 1
run 0 k2 init --data data/other
touch queries.sql

for shell in bash zsh fish; do
    run 0 k2 completion $shell
    mv out script.$shell
done
run 2 k2 completion bsh
has err "did you mean bash?"
run 2 k2 completion

# --- bash ---

bash -n script.bash || fail "script.bash does not parse"
cat >ask.bash <<'END'
. ./script.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_k2
printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
END
ask() { # ask WANTED WORDS...: what bash offers for the last word
    local want=$1
    shift
    same "$(bash ask.bash "$@")" "$want " "bash: $*"
}
ask "status" k2 sta
ask "apply copy describe grow list tail" k2 topic ''
ask "--format" k2 query --for
ask "csv json markdown ndjson table" k2 query --format ''
ask "json" k2 query --format = js
ask "--data" k2 --da
ask "text" k2 --log-format t
ask "describe" k2 --quiet topic de
ask "describe" k2 --data table topic de
ask "k2.sequence market.ticks.sim" k2 topic describe ''
ask "market.ticks.sim" k2 topic tail --count 3 mar
ask "" k2 table files ''
ask "trades" k2 --data data/other table files tr
ask "trades" k2 table files --data data/other tr
ask "k2.sequence-value" k2 schema show k2
ask "BINANCE BINANCE-COINM BINANCE-USDM" k2 coverage --exchange BIN
ask "queries.sql" k2 query -f que
ask "data" k2 --data da
ask "ask.bash asx-csv asx-ntp-itch-1.05" k2 ingest as
ask "quarantine query" k2 help qu
ask "bash" k2 completion b
ask "" k2 trace ''
same "$(bash -c '. ./script.bash; complete -p k2')" "complete -F _k2 k2" "bash: it is registered"

# Every verb's every option is offered where it is.
k2 help --markdown | sed -n 's/^## k2 //p' >commands
while read -r words; do
    # shellcheck disable=SC2086  # words of a command
    bash ask.bash k2 $words -- | tr ' ' '\n' | grep -e '^--' | sort >offered
    # shellcheck disable=SC2086
    k2 $words --help | sed -n '/^Options/,/^$/s/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort >told
    same "$(cat offered)" "$(cat told)" "the options of k2 $words"
done <commands
[ "$(wc -l <commands)" -ge 25 ] || fail "only $(wc -l <commands) commands"

# --- zsh: a real line editor on a pseudo terminal, Tab and all ---

if command -v zsh >/dev/null; then
    zsh -n script.zsh || fail "script.zsh does not parse"
    cat >ask.zsh <<'END'
zmodload zsh/zpty || exit 77
zpty z zsh -f -i
typed() { # the line as it stands after TEXT and Tab
    zpty -w z $'unsetopt zle_bracketed_paste; PS1="@"; autoload -U compinit; compinit -D -u; source ./script.zsh; setopt no_list_ambiguous no_beep'
    zpty -w z 'bindkey "^T" show; show() { print -r "<$BUFFER>" >seen; zle send-break }; zle -N show'
    zpty -w z $'print ready >ready'
    repeat 100; do [[ -e ready ]] && break; sleep 0.05; done
    rm -f seen ready
    zpty -n -w z "$1"$'\t'$'\x14'
    repeat 100; do [[ -s seen ]] && break; sleep 0.05; done
    cat seen
}
typed "$1"
zpty -d z
END
    typed() { same "$(zsh -f ask.zsh "$2" 2>/dev/null)" "<$1>" "zsh: $2"; }
    typed "k2 status " "k2 sta"
    typed "k2 topic describe " "k2 topic de"
    typed "k2 topic describe market.ticks.sim " "k2 topic describe mar"
    typed "k2 query --format json " "k2 query --format js"
    typed "k2 query --format=json " "k2 query --format=js"
    typed "k2 --data data/other table files trades " "k2 --data data/other table files tr"
    typed "k2 query -f queries.sql " "k2 query -f que"
else
    echo "zsh is not installed: its script was not loaded"
fi

# --- fish ---

if command -v fish >/dev/null; then
    fish -n script.fish || fail "script.fish does not parse"
    ask() {
        local got
        got=$(fish -N -c "source script.fish; complete -C \"$2\"" | cut -f1 | sort | tr '\n' ' ')
        same "$got" "$1 " "fish: $2"
    }
    ask "status" "k2 sta"
    ask "apply copy describe grow list tail" "k2 topic "
    ask "csv json markdown ndjson table" "k2 query --format "
    ask "k2.sequence market.ticks.sim" "k2 topic describe "
    ask "trades" "k2 --data data/other table files tr"
    ask "BINANCE BINANCE-COINM BINANCE-USDM" "k2 coverage --exchange BIN"
    ask "queries.sql" "k2 query -f que"
    ask "quarantine query" "k2 help qu"
    ask "bash" "k2 completion b"
else
    echo "fish is not installed: its script was not loaded"
fi
finish
