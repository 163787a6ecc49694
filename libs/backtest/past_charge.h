// A charge out of the ledger, as far as a policy could ask about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/policy/subject.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

// One call of a fallback chain that used something.
struct PastAttempt {
  std::string model;
  int64_t cost_nano_usd = 0;
  Usage usage;  // in the order of the ledger's lines
};

struct PastCharge {
  int64_t at_us = 0;  // by the counter store's clock
  // The user, the model asked for, and those of the others that were asked for (PastReader).
  Subject subject;
  std::vector<PastAttempt> attempts;  // none: a request without usage
  int64_t cost_nano_usd = 0;
};

}  // namespace quotaplane
