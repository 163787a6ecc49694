// An org's state in YAML <-> StateDocument. docs/control.md describes the format.
//
//   quotaplane_state: 1
//   org: acme
//   policy:                          # a policy as docs/policy.md has it
//     limits: []
//   exceptions:
//     - id: 01jdm3v5k8q2xw9c7e4r6t0y1a
//       scope: {user: alice}
//       raises:
//         - {limit: user-month, amount: 900000000000}
//       start: "2026-11-26T08:00:00Z"        # where it has one
//       end: "2026-12-01T00:00:00Z"
//       reason: "release week"
//   keys:
//     - id: abcdefgh234567ab
//       display_name: "CI"
//       team: search                 # project, user alike
//       models: ["claude-*"]
//       expires: "2027-01-01T00:00:00Z"
//       hash: "blake2b:…"            # 64 hex digits
//       previous_hash: "blake2b:…"   # after a rotation
//       previous_until: "2026-11-27T00:00:00Z"
//
// Amounts are whole numbers in the limit's unit, nano-USD for usd: a raise may be of a limit that
// the document's policy does not have, so its unit need not be known. Where a raise's limit counts
// by fewer dimensions than the exception's scope names, `per: [user]` says by which. Times are RFC
// 3339, to the microsecond. Errors and bounds as in policy_reader.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

inline constexpr size_t kMaxStateExceptions = 10'000;
inline constexpr size_t kMaxStateKeys = 100'000;

struct StateRaise {
  std::string limit_id;
  int64_t amount = 0;
  std::vector<std::string> per;  // in order; the document names them where they are not the scope's

  friend bool operator==(const StateRaise&, const StateRaise&) = default;
};

struct StateException {
  std::string id;
  std::map<std::string, std::string> scope;  // dimension to value
  std::vector<StateRaise> raises;            // in the order of their limits
  std::optional<int64_t> start_us;
  int64_t end_us = 0;
  std::string reason;

  friend bool operator==(const StateException&, const StateException&) = default;
};

struct StateKey {
  std::string id;
  std::string display_name;
  std::string team;
  std::string project;
  std::string user;
  std::vector<std::string> models;
  int64_t expires_at_us = 0;  // 0: never
  Hash256 hash{};
  Hash256 previous_hash{};
  int64_t previous_until_us = 0;  // 0: none

  friend bool operator==(const StateKey&, const StateKey&) = default;
};

// Parts that a document does not name are absent: they are to stay as they are.
struct StateDocument {
  std::string org;                       // empty: not named
  std::shared_ptr<const Policy> policy;  // null: absent
  std::optional<std::vector<StateException>> exceptions;
  std::optional<std::vector<StateKey>> keys;
};

// `name` stands for the file in messages.
absl::StatusOr<StateDocument> ParseState(std::string_view text, std::string_view name);
// Canonical: exceptions and keys in the order of their ids, so that equal states are equal bytes.
// ParseState of it gives the same document, with exceptions, raises and keys in that order.
std::string WriteState(const StateDocument& state);

}  // namespace quotaplane
