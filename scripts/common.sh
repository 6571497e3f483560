# Shared by the scripts of this folder; sourced by bash, runs nothing by itself.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# What the program needs to be built and run, and what its tests need besides (Debian's names).
build_packages=(build-essential cmake ninja-build pkg-config libfuse3-dev fuse3 libjansson-dev
    libisal-dev libssl-dev libcurl4-openssl-dev libexpat1-dev liblmdb-dev libarchive-dev python3 python3-venv)
test_packages=(libcmocka-dev clang clang-tidy libclang-rt-14-dev git zsh dash fish vim nano emacs-nox tmux rsync
    jq strace attr xxd perl gawk procps util-linux mandoc chromium r-base-core)

# install_packages NAME...: installs those Debian packages that are missing.
install_packages() {
    command -v dpkg-query >/dev/null || die "this script knows Debian's packages only; install by hand: $*"
    local name missing=()
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "missing packages and no right to install them; as root run: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${sudo[@]}" apt-get -q update &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
            "${missing[@]}"; } >"$log" 2>&1; then
        tail -20 "$log" >&2
        rm -f "$log"
        die "cannot install ${missing[*]} (above: what apt-get said)"
    fi
    rm -f "$log"
}

# find_python: prints a Python of at least 3.10 that can make virtual environments.
find_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    die "no Python 3.10 or newer with venv; install python3-venv"
}

# make_venv FOLDER PACKAGE...: a virtual environment that has these packages; kept when it has them.
make_venv() {
    local folder=$1 want
    shift
    want="$*"
    [ "$(cat "$folder/metaflowfs-packages" 2>/dev/null)" = "$want" ] && return 0
    local python
    python=$(find_python)
    say "installing Python packages into ${folder#"$root"/}: $want"
    rm -rf "$folder"
    "$python" -m venv "$folder" || die "cannot make a virtual environment in $folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
        die "pip cannot install: $want"
    printf '%s' "$want" >"$folder/metaflowfs-packages"
}

# make_lib FOLDER PACKAGE...: a folder for PYTHONPATH beside .venv-test with these packages alone; kept when it has them.
make_lib() {
    local folder=$1 want
    shift
    want="$*"
    [ "$(cat "$folder/metaflowfs-packages" 2>/dev/null)" = "$want" ] && return 0
    say "installing Python packages into ${folder#"$root"/}: $want"
    rm -rf "$folder"
    "$root/.venv-test/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
        --target "$folder" "$@" || die "pip cannot install: $want"
    printf '%s' "$want" >"$folder/metaflowfs-packages"
}

# make_go_tool FILE PACKAGE@VERSION: builds a Go program; kept when it is there. Go comes from the PATH, from
# /usr/local/go or from Debian. All tools share Go's own caches, which are below build/ where there is no home.
make_go_tool() {
    local file=$1 package=$2 go folder
    [ -x "$file" ] && return 0
    go=$(PATH=$PATH:/usr/local/go/bin command -v go) || {
        install_packages golang-go
        go=$(command -v go) || die "no Go, which builds $package"
    }
    say "building ${file#"$root"/}: $package"
    folder=$(mktemp -d)
    HOME=${HOME:-$root/build} GOBIN=$folder "$go" install -ldflags='-s -w' "$package" >"$folder/log" 2>&1 || {
        tail -20 "$folder/log" >&2
        rm -rf "$folder"
        die "cannot build $package"
    }
    mv "$folder/$(basename "${package%@*}")" "$file"
    rm -rf "$folder"
}

# build PRESET [TARGET...]: configures and builds build/PRESET, quietly unless it fails; one at a time in a folder.
build() {
    local preset=$1 log status=0
    shift
    log=$(mktemp)
    mkdir -p "$root/build"
    (cd "$root" && flock 9 && cmake --preset "$preset" && cmake --build "build/$preset" ${1:+--target "$@"}) \
        >"$log" 2>&1 9>"$root/build/$preset.lock" || status=$?
    [ $status = 0 ] || { grep -v '^\[[0-9]*/[0-9]*\] Building' "$log" | tail -60 >&2; }
    rm -f "$log"
    return $status
}
