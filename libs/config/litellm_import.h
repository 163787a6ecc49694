// Reads the community price map in the LiteLLM format (JSON: model -> USD per token and more) into
// price book entries.
//
// Taken over, N being any number of thousands and TIER one of _batches, _priority, _flex:
//   input_cost_per_token[_above_Nk_tokens][TIER]                            input
//   output_cost_per_token[…]                                                output
//   cache_read_input_token_cost[…], input_cost_per_token_cache_hit          cache_read
//   cache_creation_input_token_cost[…]                                      cache_write_5m
//   cache_creation_input_token_cost_above_1hr[…]                            cache_write_1h
//   search_context_cost_per_query {low, medium, high}    web_search_requests, per unit. Where the
//   sizes differ, each
//       has a meter of its own (web_search_requests_low, …), and web_search_requests has the
//       highest of the three prices: who does not report the size never pays too little.
//   citation_cost_per_token citation_tokens; input_cost_per_query queries; ocr_cost_per_page
//   ocr_pages; annotation_cost_per_page annotated_pages; code_interpreter_cost_per_session
//   code_interpreter_sessions
// output_cost_per_reasoning_token that equals the price of output says nothing new and is passed
// over.
//
// A model that would come out free only because what it does cost could not be taken over (an image
// model with token prices of 0) is skipped as a whole: unknown is safer than free.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

struct LitellmImport {
  std::vector<PriceEntry> entries;  // sorted by model; PriceBook::Build takes them
  struct Skipped {
    std::string model;
    std::string key;  // empty: the whole model was skipped
    std::string reason;
  };
  std::vector<Skipped> skipped;  // sorted by model; names escaped, fit for a terminal
  // The prices per token that were taken over: those that are integers at nano-USD per million
  // tokens, and those that were rounded up to one.
  int exact_prices = 0;
  int rounded_prices = 0;
};

// `from_us` is the day from which the entries hold: midnight UTC. INVALID_ARGUMENT if it is not, or
// if `json` is not an object of objects within the bounds of litellm_json.h. Every key that bears a
// price and is not taken over is in `skipped`, with the reason.
absl::StatusOr<LitellmImport> ImportLitellm(std::string_view json, int64_t from_us);

}  // namespace quotaplane
