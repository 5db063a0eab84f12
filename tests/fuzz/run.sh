#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each of them.
#   tests/fuzz/run.sh [SECONDS each, 60 by default] [BUILD folder, build/fuzz by default]
# Exit status: 0 nothing found, 1 a finding (the input is kept in the build folder), 77 no clang.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
build=${2:-$root/build/fuzz}

clang=$(command -v clang++ || command -v clang++-14 || true)
probe() { echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  "$clang" -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; }
if [[ -z $clang ]] || ! probe; then
  echo "SKIPPED: fuzzing needs clang with libFuzzer: apt-get install clang libclang-rt-14-dev" >&2
  exit 77
fi

mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS="-g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
  -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DMILLWRIGHT_FUZZ=ON -DMILLWRIGHT_TESTS=OFF >"$build.log" 2>&1 ||
  { cat "$build.log"; exit 1; }
ninja -C "$build" fuzzers

status=0
for target in "$build"/tests/fuzz/fuzz_*; do
  [[ -x $target && -f $target ]] || continue
  name=$(basename "$target")
  kind=${name#fuzz_}
  mkdir -p "$build/found/$kind"
  echo "== $name, $seconds s"
  # New inputs that reach new code are kept in found/ and start the next run; seeds stay as they are.
  "$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -verbosity=0 -print_funcs=0 -artifact_prefix="$build/$kind-" \
    "$build/found/$kind" "$root/tests/corpus/$kind" || status=1
done
exit $status
