#include "libs/redis/server_error.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/redis/slots.h"

namespace quotaplane::redis {
namespace {

constexpr std::array<std::pair<std::string_view, ServerError>, 12> kByFirstWord = {{
    {"OOM", ServerError::kUnavailable},
    {"LOADING", ServerError::kUnavailable},
    {"MASTERDOWN", ServerError::kUnavailable},
    {"BUSY", ServerError::kUnavailable},
    {"MISCONF", ServerError::kUnavailable},
    {"NOREPLICAS", ServerError::kUnavailable},
    {"NOSCRIPT", ServerError::kNoScript},
    {"READONLY", ServerError::kReadOnly},
    {"MOVED", ServerError::kMoved},
    {"ASK", ServerError::kAsk},
    {"TRYAGAIN", ServerError::kTryAgain},
    {"CLUSTERDOWN", ServerError::kClusterDown},
}};

}  // namespace

ServerError Classify(std::string_view message) {
  const std::string_view word = message.substr(0, message.find(' '));
  for (const auto& [name, error] : kByFirstWord) {
    if (word == name) return error;
  }
  return ServerError::kOther;
}

absl::Status ServerErrorStatus(std::string_view message) {
  switch (Classify(message)) {
    case ServerError::kUnavailable:
    case ServerError::kReadOnly:
    case ServerError::kTryAgain:
    case ServerError::kClusterDown:
      return absl::UnavailableError(AbslView(message));
    case ServerError::kOther:
    case ServerError::kNoScript:
    case ServerError::kMoved:
    case ServerError::kAsk:
      break;
  }
  return absl::FailedPreconditionError(AbslView(message));
}

std::optional<Redirection> ParseRedirection(std::string_view message) {
  const std::vector<std::string> words = absl::StrSplit(AbslView(message), ' ');
  Redirection to;
  if (words.size() != 3 || !absl::SimpleAtoi(words[1], &to.slot)) return std::nullopt;
  if (to.slot < 0 || to.slot >= kSlots) return std::nullopt;
  absl::StatusOr<Endpoint> endpoint = ParseHostPort(words[2]);
  if (!endpoint.ok()) return std::nullopt;
  to.endpoint = *std::move(endpoint);
  return to;
}

}  // namespace quotaplane::redis
