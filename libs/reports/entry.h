// One entry of the ledger, as the exports read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/sql/value.h"

namespace quotaplane::reports {

// Views of a row. What each says is written in migrations/.
struct Entry {
  sql::Bytes charge_key;
  int64_t line = 0;
  std::string_view org, kind, reservation_id;
  int64_t occurred_at_us = 0, recorded_at_us = 0, attempt = 0;
  std::string_view model, subject_model, priced_as, service_tier, meter;
  int64_t quantity = 0, unit_price_nano_per_million = 0, cost_nano_usd = 0;
  std::string_view price_version, team, project, user, api_key;
  std::string_view labels;  // a JSON object of strings
  std::string_view cost_center;
  int64_t held_nano_usd = 0, overrun_nano_usd = 0;
  int64_t late = 0, unreserved = 0, recorded = 0, unpriced = 0, spooled = 0;
  std::optional<sql::Bytes> corrects_key;
  std::optional<std::string_view> reason;
  // When the charge was that this one corrects; absent where it corrects none.
  std::optional<int64_t> corrected_at_us;

  bool is_correction() const { return kind == "correction"; }
};

// A file format of entries. One export each.
class EntryWriter {
 public:
  virtual ~EntryWriter() = default;
  virtual void AppendHeader(std::string* out) = 0;
  // False, and nothing appended, where the format leaves the entry out.
  virtual bool Append(const Entry& entry, std::string* out) = 0;
};

}  // namespace quotaplane::reports
