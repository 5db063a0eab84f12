#pragma once
// Always-on checks for mistakes of ours inside the event loop, where exceptions have no place:
// better to stop than to go on with a wrong history. Never for anything a user can write.
#include <cstdio>
#include <cstdlib>

namespace mw::sim::detail {
[[noreturn]] inline void broken_invariant(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal error: %s\n", file, line, what);
  std::abort();
}
}  // namespace mw::sim::detail

#define MW_INVARIANT(condition, what) \
  ((condition) ? void() : ::mw::sim::detail::broken_invariant(what, __FILE__, __LINE__))
