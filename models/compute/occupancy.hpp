#pragma once

// How unevenly chance fills experts and ranks. Pure, portable.
namespace mw::models {

/// Uniform routing: the chance that none of `tokens` tokens visits an expert of `experts`, of which
/// each token visits `per_token`.
double expert_miss(double per_token, double experts, double tokens);

/// E[max of n standard normals]: the excess of the slowest of n ranks, in standard deviations.
double expected_maximum(int n);

}  // namespace mw::models
