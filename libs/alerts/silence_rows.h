// Rows of silences.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/alerts/alert.h"
#include "libs/sql/database.h"

namespace quotaplane {

// INVALID_ARGUMENT, naming the fields.
absl::Status CheckSilence(const Silence& silence, int64_t now_us);

// "SELECT columns FROM alert_silences " + `rest`.
absl::StatusOr<std::vector<Silence>> ReadSilences(sql::Session& session, std::string_view rest,
                                                  absl::Span<const sql::Value> parameters);
absl::Status InsertSilence(sql::Transaction& transaction, const Silence& silence);
// Its matchers and reason.
absl::Status RewriteSilence(sql::Transaction& transaction, const Silence& silence);
absl::Status MarkSilenceEnded(sql::Transaction& transaction, const Silence& silence);

// Those that hold at a time, read as orgs are asked for.
class HeldSilences {
 public:
  HeldSilences(sql::Session* session, int64_t now_us) : session_(session), now_us_(now_us) {}

  // The number of one that matches; 0: none does.
  absl::StatusOr<int64_t> Match(const Signal& signal);
  absl::StatusOr<size_t> Count(const std::string& org);

 private:
  absl::StatusOr<const std::vector<Silence>*> Of(const std::string& org);

  sql::Session* const session_;
  const int64_t now_us_;
  std::map<std::string, std::vector<Silence>> by_org_;
};

}  // namespace quotaplane
