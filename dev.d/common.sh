# What the verbs share; each begins with `. dev.d/common.sh`. Talk goes to stderr, results to stdout.
set -euo pipefail
cd "$LINEAGE_ROOT"

# What a build needs, what the tests need besides, and what the checks of the source need besides.
packages_build=(g++ cmake ninja-build pkg-config libaudit-dev libauparse-dev libboost-graph-dev libsqlite3-dev
    zlib1g-dev libzstd-dev libseccomp-dev libfmt-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libexpected-dev doctest-dev python3)
packages_test=(graphviz dpkg-dev strace)
# `busybox` and a kernel go into the virtual machines of `./dev boot`.
packages_boot=(qemu-system-x86 mmdebstrap e2fsprogs cpio busybox-static)
packages_clang=(clang clang-tidy clang-format libclang-rt-14-dev)

jobs=${LINEAGE_JOBS:-$(nproc)}
tools=$LINEAGE_ROOT/build/tools
export PATH=$PATH:/usr/sbin:/sbin:$tools/sbin

say() { printf '==> %s\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# need PACKAGE...: installs what is missing of them, and nothing where nothing is.
need() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: the build says what it misses
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        die "missing: ${missing[*]}; run: sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "installing: ${missing[*]}"
    local log
    log=$(mktemp)
    apt_quietly "$log" update && apt_quietly "$log" install --no-install-recommends "${missing[@]}" || {
        cat "$log" >&2
        rm -f "$log"
        die "apt-get could not install: ${missing[*]}"
    }
    rm -f "$log"
}
apt_quietly() { # LOG VERB...
    local log=$1
    shift
    DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

# auditctl, ausearch and aureport for tests that compare with them, and auditd for the one that records beside it, with a
# library of its own. Never installed: the package would start a second audit daemon on a developer's machine. Where
# they cannot be had, those tests skip.
fetch_audit_tools() {
    ! ls "$tools"/sbin/auditd "$tools"/usr/lib/*/libwrap.so.0 >/dev/null 2>&1 || return 0
    command -v apt-get >/dev/null || return 0
    say "fetching auditd and its tools into build/tools (unpacked, not installed)"
    mkdir -p "$tools"
    if ! (cd "$tools" && apt-get -qq -o APT::Sandbox::User=root download auditd libwrap0 &&
        for package in auditd_*.deb libwrap0_*.deb; do dpkg -x "$package" .; done) >/dev/null 2>&1; then
        say "could not be fetched: tests that compare with ausearch will be skipped"
    fi
}

# build_in FOLDER [cmake option...]: configures build/FOLDER and builds all of it.
build_in() {
    local folder=build/$1
    shift
    local options=("$@") log
    ! command -v ccache >/dev/null || options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    export CCACHE_BASEDIR=$LINEAGE_ROOT CCACHE_NOHASHDIR=1 # one cache for all clones
    say "configuring $folder"
    mkdir -p "$folder"
    log=$folder/configure.log
    cmake -G Ninja -S . -B "$folder" "${options[@]}" >"$log" 2>&1 || {
        cat "$log" >&2
        die "cmake failed"
    }
    say "building $folder"
    ninja -C "$folder" -j "$jobs" ${LINEAGE_TARGETS:-} >&2
}

# libauparse 3.0.9 leaks a name of fields that are cut off.
export LSAN_OPTIONS=suppressions=$LINEAGE_ROOT/tests/support/leaks_of_others:print_suppressions=0

# One build serves the sanitizers, the fuzzers and the proof that clang compiles all of it.
build_sanitized() {
    build_in sanitize -DLINEAGE_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1"
}

# ctest_in FOLDER [ctest option...]: ctest's own closing lines, then one plain line. Counts also go to build/totals.
ctest_in() {
    local folder=build/$1 status=0
    shift
    ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$jobs" --output-junit "$LINEAGE_ROOT/$folder/junit.xml" "$@" || status=$?
    tally "$folder/junit.xml"
    return "$status"
}
tally() { # JUNIT
    local head tests failed skipped
    head=$(tr '\n\t' '  ' <"$1" | grep -o '<testsuite [^>]*>' | head -n 1)
    tests=$(attribute tests) failed=$(attribute failures) skipped=$(($(attribute skipped) + $(attribute disabled)))
    echo "$((tests - failed - skipped)) $failed $skipped" >>build/totals
    echo "$((tests - failed - skipped)) passed, $failed failed, $skipped skipped"
}
attribute() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$head"; }

sources() { find include src cli tests bench \( -name '*.cpp' -o -name '*.hpp' \) -print 2>/dev/null | sort; }
