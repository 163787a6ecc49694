// A month of a company's requests, as they were charged: what the outbox holds when nobody has
// taken anything out of it.
//
// Four of five charges are of one org: 1,000 people in 40 teams, each with a model that they use
// most and another; the rest are of 15 smaller orgs, so that several partitions have something to
// say. Two meters to a charge, or three or four where the prompt was cached: 2.5 lines on average.
// Nights and weekends are quiet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/admission/charge_record.h"

namespace quotaplane::bench {

inline constexpr char kReportedOrg[] = "acme";
// November 2026, in UTC: µs since the epoch.
inline constexpr int64_t kMonthStartUs = int64_t{1'793'491'200} * 1'000'000;
inline constexpr int64_t kMonthEndUs = int64_t{1'796'083'200} * 1'000'000;

// What the commit script knows of a charge beside its record.
struct Outcome {
  int64_t now_us = 0;
  int64_t held_nano_usd = 0;
  int64_t overrun_tokens = 0;
  bool late = false;
};

struct Charged {
  ChargeRecord record;
  Outcome outcome;
};

// Thread-safe.
class Traffic {
 public:
  // `charges` of them fill the month.
  explicit Traffic(int64_t charges);

  // Charge number `index`, always the same one; times ascend with the index. Those behind the last
  // are of the month after.
  Charged At(int64_t index) const;

 private:
  int64_t TimeOf(int64_t index) const;

  const int64_t charges_;
  std::vector<double> until_;  // by hour of the month: which part of the charges has been
};

}  // namespace quotaplane::bench
