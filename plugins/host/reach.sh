# What a place's shell is asked to do: find this very program there, or take it
# from stdin, and become the plugin. POSIX only. Nothing but head may read stdin, and
# the host sends nothing that was not asked for: a shell may read ahead.
say() { printf 'sosh:%s:%s\n' "$word" "$*"; }
fail() { say fail "$@"; exit 1; }

digest() {
  if command -v sha256sum; then sha256sum <"$1"
  elif command -v shasum; then shasum -a 256 <"$1"
  elif command -v sha256; then sha256 -q <"$1"
  elif command -v openssl; then openssl dgst -sha256 -r <"$1"
  fi 2>/dev/null
}
# is FILE: it is the program that is wanted.
is() {
  [ -f "$1" ] && [ -x "$1" ] || return 1
  case "
$(digest "$1")" in
  *"
$sum"*) return 0 ;;
  esac
  return 1
}
# fit DIRECTORY: files can be written there, and run.
fit() {
  printf '#!/bin/sh\nexit 0\n' >"$1/.fit-$word" && chmod 700 "$1/.fit-$word" && "$1/.fit-$word" </dev/null
  fits=$?
  rm -f "$1/.fit-$word"
  return $fits
}
# installed: a program of the same version is on the PATH there.
installed() {
  [ -n "$version" ] && bin=$(command -v sosh) && [ "$("$bin" --version </dev/null 2>/dev/null)" = "$version" ]
}
become() {
  say found "$bin"
  exec env -i PATH="$PATH" ${HOME+"HOME=$HOME"} ${TMPDIR+"TMPDIR=$TMPDIR"} ${LANG+"LANG=$LANG"} ${LC_ALL+"LC_ALL=$LC_ALL"} ${TZ+"TZ=$TZ"} \
    "$cookie" "SOSH_STDIO=$word" "SOSH_CARRIED=$made" "$bin" "$@"
  exit 126
}
# search: a directory for the file. The user's cache keeps it; where there is none, one
# is made for it alone, which the program removes when it runs.
search() {
  umask 077
  dir= made=
  case ${XDG_CACHE_HOME-} in
  /*) dir=$XDG_CACHE_HOME/sosh ;;
  *) case ${HOME-} in /*) dir=${HOME%/}/.cache/sosh ;; esac ;;
  esac
  if [ -n "$dir" ] && is "$dir/$name"; then
    touch "$dir/$name"
    bin=$dir/$name
    become "$@"
  fi
  if [ -n "$dir" ] && mkdir -p "$dir" && fit "$dir"; then return 0; fi
  for dir in "${TMPDIR:-/tmp}" /var/tmp /dev/shm; do
    dir=$dir/sosh-$word
    if mkdir "$dir"; then
      if fit "$dir"; then
        made=$dir
        return 0
      fi
      rmdir "$dir"
    fi
  done
  return 1
} 2>/dev/null

drop() {
  rm -f "$1"
  [ -z "$made" ] || rmdir "$made"
}

arrive() {
  [ -t 0 ] && fail terminal
  made=
  bin=$self
  [ -n "$self" ] && is "$self" && become "$@"
  case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) os=$(uname -s) ;;
  esac
  case $(uname -m) in
  x86_64 | amd64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  i?86) arch=386 ;;
  arm*) arch=arm ;;
  loongarch64) arch=loong64 ;;
  *) arch=$(uname -m) ;;
  esac
  if [ "$os/$arch" != "$system" ]; then
    installed && become "$@"
    fail system "$os/$arch"
  fi
  if ! search "$@"; then
    made=
    installed && become "$@"
    fail directory
  fi
  [ -n "$(digest /dev/null)" ] || fail digest
  part=$dir/.part-$word bin=$dir/$name
  say want "$dir"
  head -c "$size" >"$part"
  got=$(wc -c <"$part")
  if [ ${got:-0} -ne "$size" ]; then
    drop "$part"
    fail short "$dir"
  fi
  chmod 700 "$part"
  if ! is "$part"; then
    drop "$part"
    fail changed "$dir"
  fi
  mv -f "$part" "$bin" || fail short "$dir"
  said=$("$bin" --version </dev/null 2>&1)
  case $? in # the shell's own, not the program's
  126 | 127)
    printf '%s\n' "$said" >&2
    drop "$bin"
    fail run
    ;;
  esac
  if [ -z "$made" ]; then # a few builds are kept, the ones that were used last
    ls -t "$dir" 2>/dev/null | grep '^sosh-' | tail -n +5 | while IFS= read -r old; do rm -f "$dir/$old"; done
  fi
  become "$@"
}
