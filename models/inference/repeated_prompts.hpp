#pragma once

// A finite list of prompts that a benchmark asks from its beginning to its end and then again, in
// front of an engine whose KV cache keeps what is least long unused. The closed form beside the
// simulated cache (prefix_cache.hpp): for estimates without arrivals.
namespace mw::models {

struct RepeatedPrompts {
  double distinct = 0;                  // prompts of the list; 0: none repeats
  double requests = 0;                  // of the whole run, in the list's order
  double batch = 1;                     // that run at a time
  double prompt = 0, output = 1;        // mean tokens
  double prompt_cv = 0, output_cv = 0;  // standard deviation over mean
  double context = 0;                   // mean tokens of a running request
  double capacity = 0;                  // tokens that the KV cache holds
  double block = 16;                    // tokens of a block
};

/// Tokens of a mean prompt that are found in the cache, over the requests that are admitted after
/// the first batch.
///
/// Of those requests the ones after the first pass of the list repeat a prompt: (requests -
/// max(batch, distinct)) / (requests - batch). Between the end of a request and the admission of
/// the next one with its prompt lie `distinct - batch` others, whose prompts and answers, found or
/// computed, all come to lie behind it in the queue of free blocks. It is there still if the free
/// blocks hold them all. Their sum is taken as normal, with the variance of so many independent
/// requests. Answers end at different times, which is left out: with a batch near the list, short
/// answers leave their prompts earlier than that. The whole blocks before the prompt's last token
/// are found, (block + 1) / 2 tokens less than the prompt on average.
double cached_prompt_tokens(const RepeatedPrompts& list);

}  // namespace mw::models
