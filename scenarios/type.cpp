#include "scenarios/type.hpp"

namespace mw::scenarios {

std::string short_type_name(const char* pretty_function) {
  // gcc:   const char* f() [with T = mw::models::Pump]
  // clang: const char *f() [T = mw::models::Pump]
  std::string_view text(pretty_function);
  const std::size_t start = text.find("T = ");
  if (start == std::string_view::npos) return std::string(text);
  text = text.substr(start + 4);
  text = text.substr(0, text.find_first_of(";]"));
  if (const std::size_t colon = text.rfind("::"); colon != std::string_view::npos)
    text = text.substr(colon + 2);
  return std::string(text);
}

}  // namespace mw::scenarios
