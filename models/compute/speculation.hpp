#pragma once
#include <optional>

#include "models/compute/llm.hpp"

namespace mw::models {

/// Speculative decoding: `tokens` are drafted for every sequence one after the other, and verified
/// in one pass of the model together with the token before them.
struct Speculation {
  int tokens = 0;
  double acceptance = 0.7;
  int draft_layers = 1;
  std::optional<LlmParameters> draft_model{};  // in place of layers of the model's own shape

  bool on() const { return tokens > 0; }
};
template <sim::Describes<Speculation> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit(
      "tokens", self.tokens,
      About{
          .text = "Tokens drafted for a sequence in one iteration; 0: none", .min = 0, .max = 16});
  visit("acceptance", self.acceptance,
        About{.text = "Chance that a drafted token is accepted when those before it were",
              .min = 0,
              .max = 1});
  visit("draft_layers", self.draft_layers,
        About{.text = "Layers of the drafting module, each like the model's own (multi-token "
                      "prediction, EAGLE)",
              .min = 1,
              .max = 64});
}

/// Tokens that an iteration yields for a sequence, on average: with acceptance p independent from
/// token to token, the accepted run is geometric and one token more comes from the verification:
/// 1 + p + p^2 + ... + p^tokens (Leviathan, Kalman and Matias, ICML 2023, equation 1).
double expected_tokens(const Speculation& speculation);

/// What drafts, as a model of its own: the drafting model, or the module, whose layers are the
/// target's last kind and whose embedding and head are the target's (DeepSeek-V3, arXiv 2412.19437,
/// section 2.2; the module's small input projection is left out).
LlmParameters draft_of(const Speculation& speculation, const LlmParameters& target);

}  // namespace mw::models
