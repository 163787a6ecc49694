// The flags that several subcommands share, and what they become in the public API.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "quotaplane/v1/quota.pb.h"

namespace quotaplane::quotactl {

// What is wrong with a value is INVALID_ARGUMENT that names the flag. Bounds that the server knows
// (lengths, ranges, required fields) are left to it: one place says them.

// "30s", "5m", "1h30m": finite and above zero. `flag` is for messages.
absl::StatusOr<absl::Duration> ParseSpan(std::string_view flag, std::string_view text);
google::protobuf::Duration ToProto(absl::Duration duration);
// "standard", "batch", "priority", "flex"; empty is unspecified.
absl::StatusOr<v1::ServiceTier> ParseTier(std::string_view flag, std::string_view text);
// "model=M,tier=T,input=N,output=N,…": a call to a provider; every key but model and tier is a
// meter.
absl::StatusOr<v1::Attempt> ParseAttempt(std::string_view text);
// A new random id such as "r-1f0c92…" (128 bits).
std::string NewId();

struct OrgFlag {
  std::string org = "default";

  void AddTo(CLI::App& command);
};

struct SubjectFlags {
  OrgFlag org;
  v1::Subject fields;
  std::vector<std::string> labels;  // K=V

  void AddTo(CLI::App& command);
  absl::StatusOr<v1::Subject> Build() const;
};

struct UsageFlags {
  std::optional<int64_t> input, output, max_output, cache_read, cache_write_5m, cache_write_1h;
  std::vector<std::string> meters;  // NAME=N

  // An estimate also knows --max-output-tokens, which is the same meter as --output-tokens.
  enum class Kind { kEstimate, kActual };
  void AddTo(CLI::App& command, Kind kind);
  absl::StatusOr<v1::Usage> Build() const;
};

struct TierFlag {
  std::string tier;

  void AddTo(CLI::App& command);
  absl::StatusOr<v1::ServiceTier> Build() const { return ParseTier("--tier", tier); }
};

// What was used: one call by the usage flags, or several by --attempt.
struct AttemptFlags {
  UsageFlags usage;
  TierFlag tier;
  std::vector<std::string> attempts;

  void AddTo(CLI::App& command);
  // None where no flag was given: a request that used nothing.
  absl::StatusOr<std::vector<v1::Attempt>> Build() const;
};

}  // namespace quotaplane::quotactl
