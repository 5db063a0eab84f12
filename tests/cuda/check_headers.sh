#!/bin/sh
# Step headers are host/device clean: nvcc must accept every header that marks a function MW_HD,
# alone and without a warning.
#   tests/cuda/check_headers.sh [header...]        (default: all such headers)
set -eu
cd "$(dirname "$0")/../.."

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ]; then
  echo "check_headers: SKIPPED, there is no nvcc here (set NVCC to its path)"
  exit 0
fi

[ $# -gt 0 ] || set -- $(grep -rlw --include='*.hpp' MW_HD sim gpu models scenarios analysis | sort)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for header in "$@"; do
  echo "#include \"$header\"" >"$work/one.cu"
  if ! "$nvcc" -std=c++20 --fmad=false --expt-relaxed-constexpr -arch="${CUDA_ARCH:-sm_90}" -Werror all-warnings \
      -I. -ptx "$work/one.cu" -o "$work/one.ptx" >"$work/log" 2>&1; then
    echo "check_headers: $header: nvcc refuses it"
    cat "$work/log"
    failed=1
  fi
done
[ $failed -eq 0 ] && echo "check_headers: $# headers compile for the device"
exit $failed
