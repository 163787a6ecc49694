// Flags of `quotactl alert`, and what they become in the public API.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/quotactl/alert_words.h"
#include "tools/quotactl/flags.h"

namespace quotaplane::quotactl {

// Whose alerts: an org's, or the deployment's own.
struct AlertOrgFlag {
  OrgFlag org;
  bool deployment = false;

  void AddTo(CLI::App& command);
  // Empty: the deployment's own.
  std::string Org() const { return deployment ? "" : org.org; }
};

// A write's id, by which the same call again changes nothing.
struct RequestIdFlag {
  std::string request_id;

  void AddTo(CLI::App& command);
  // A new random one, where none was given.
  std::string Id() const { return request_id.empty() ? NewId() : request_id; }
};

// A repeatable flag for words of an enum: "--state firing --state silenced".
template <typename Enum>
struct WordsFlag {
  std::vector<std::string> words;

  void AddTo(CLI::App& command, const std::string& flag, const std::string& help) {
    command.add_option(flag, words, help)
        ->check(CLI::IsMember(WordsOf<Enum>()))
        ->allow_extra_args(false);
  }
  // Appends them to a repeated field.
  template <typename Repeated>
  void Fill(Repeated* values) const {
    for (const std::string& word : words) values->Add(ValueOf<Enum>(word));
  }
};

// "user=alice", "kind=anomaly", "labels.session=ci-*": a name and a glob.
absl::StatusOr<v1::AlertMatcher> ParseMatcher(std::string_view flag, const std::string& text);
// "42", above zero.
absl::StatusOr<int64_t> ParseDeliveryId(std::string_view flag, const std::string& text);

}  // namespace quotaplane::quotactl
