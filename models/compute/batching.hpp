#pragma once
#include <span>

namespace mw::models {

/// How prompts and decodes share iterations: both in each (vLLM, TensorRT-LLM), or prompts alone
/// and before the decodes go on (SGLang without --enable-mixed-chunk).
enum class Batching { mixed, prefill_first };
inline std::span<const char* const> enum_names(Batching) {
  static constexpr const char* names[] = {"mixed", "prefill_first"};
  return names;
}

}  // namespace mw::models
