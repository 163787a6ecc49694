// books.proto <-> the ledger's books, corrections and erasures, and the validation of everything
// that comes from outside. Errors are FieldErrors (libs/base/error.h) that list every violation.
#pragma once

#include <quotaplane/v1/books.pb.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/admission/snapshot.h"
#include "libs/ledger/adjuster.h"
#include "libs/ledger/books.h"
#include "libs/ledger/erasure.h"
#include "libs/ledger/rerate.h"
#include "services/ledger/ledger_status.h"

namespace quotaplane {

// Of a request with a policy document in it.
inline constexpr size_t kMaxPolicyRequestBytes = (1 << 20) + 1024;
inline constexpr size_t kMaxPolicyBytes = 1 << 20;
inline constexpr int kMaxRowsOfMessage = 500;
inline constexpr int kMaxRerateFilters = 64;
inline constexpr absl::Duration kDefaultPatience = absl::Seconds(10);
inline constexpr absl::Duration kMaxPatience = absl::Seconds(60);

struct VerifyArgs {
  std::string org;
  bool all_counters = false;
  absl::Duration patience;
};
absl::StatusOr<VerifyArgs> FromProto(const v1::VerifyRequest& request);

struct RebuildArgs {
  std::string org;
  bool dry_run = false;
  absl::Duration patience;
  std::string policy_yaml;
};
absl::StatusOr<RebuildArgs> FromProto(const v1::RebuildCountersRequest& request);
// The document of such a request, which takes time: not on a queue's thread.
absl::StatusOr<std::shared_ptr<const Policy>> PolicyOf(const RebuildArgs& args);

absl::StatusOr<Adjustment> FromProto(const v1::AdjustRequest& request);
absl::StatusOr<RerateRequest> FromProto(const v1::RerateRequest& request);
absl::StatusOr<ErasureRequest> FromProto(const v1::EraseUserRequest& request);

// Part of the answer about one org.
struct BooksChunk {
  struct Org {
    std::string name;
    bool known = true;
    int64_t counters = 0, drifting = 0, moved = 0;
    std::string reason;
  };
  std::vector<BookLine> rows;
  std::optional<Org> org;
  int64_t orgs_done = 0, orgs_total = 0, limits = 0;
  bool last = false;
};
void ToProto(const BooksChunk& chunk, v1::VerifyResponse* response);
void ToProto(const BooksChunk& chunk, v1::RebuildCountersResponse* response);

void ToProto(const AdjustOutcome& outcome, bool counters_moved, v1::AdjustResponse* response);
void ToProto(const RerateReport& report, const Snapshot& snapshot, bool counters_moved,
             v1::RerateResponse* response);
void ToProto(const ErasureOutcome& outcome, v1::EraseUserResponse* response);
void ToProto(const LedgerStatus& status, v1::GetStatusResponse* response);

}  // namespace quotaplane
