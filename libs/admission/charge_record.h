// What a Commit or Record charges, line by line: the content of a ledger record.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/policy/subject.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

struct ChargeLine {
  int attempt = 0;
  std::string model;
  ServiceTier tier = ServiceTier::kStandard;
  std::string meter;
  int64_t quantity = 0;    // > 0
  int64_t unit_price = 0;  // nano-USD per million units
  int64_t cost_nano_usd = 0;
  bool unpriced = false;
  std::string priced_as;  // the model whose prices were used, where that is another

  friend bool operator==(const ChargeLine&, const ChargeLine&) = default;
};

struct ChargeRecord {
  std::string id;
  Subject subject;
  std::vector<ChargeLine> lines;
  int64_t cost_nano_usd = 0;
  std::string price_version;
  bool recorded = false;      // usage without a reservation
  int64_t spooled_at_us = 0;  // by the replica's clock; 0: not spooled
  // Of the call that charged it, for who works on it next (libs/tracing/trace_context.h). Says
  // nothing about the charge; empty: its trace is not sampled.
  std::string trace = {};

  friend bool operator==(const ChargeRecord&, const ChargeRecord&) = default;
};

// Of who used what, not of what it cost: the same usage is the same commit whatever the price book
// said meanwhile; that of another subject is not.
uint64_t UsageFingerprint(const ChargeRecord& record);

}  // namespace quotaplane
