#include "libs/base/error.h"

#include <utility>

#include "absl/strings/cord.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

constexpr char kReasonUrl[] = "quotaplane/reason";
constexpr char kMetadataUrl[] = "quotaplane/metadata";
constexpr char kFieldsUrl[] = "quotaplane/fields";
// Between the parts of the payload; neither field paths nor rules contain control characters.
constexpr char kSeparator = '\x1f';

void Append(std::string_view first, std::string_view second, std::string* payload) {
  payload->append(first).push_back(kSeparator);
  payload->append(second).push_back(kSeparator);
}

std::vector<std::pair<std::string, std::string>> PairsIn(const absl::Status& status,
                                                         const char* url) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return pairs;
  const std::string text(*payload);
  size_t start = 0;
  auto next = [&] {
    const size_t end = text.find(kSeparator, start);
    std::string part = text.substr(start, end - start);
    start = end + 1;
    return part;
  };
  while (start < text.size()) {
    std::string first = next();
    pairs.emplace_back(std::move(first), next());
  }
  return pairs;
}

}  // namespace

absl::Status ReasonedError(absl::StatusCode code, std::string_view reason, std::string_view message,
                           const std::map<std::string, std::string>& metadata) {
  absl::Status status(code, AbslView(message));
  status.SetPayload(kReasonUrl, absl::Cord(AbslView(reason)));
  if (!metadata.empty()) {
    std::string joined;
    for (const auto& [key, value] : metadata) Append(key, value, &joined);
    status.SetPayload(kMetadataUrl, absl::Cord(joined));
  }
  return status;
}

std::optional<std::string> ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonUrl);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

absl::Status FieldError(const std::vector<FieldViolation>& violations) {
  std::string message, payload;
  for (const FieldViolation& violation : violations) {
    if (!message.empty()) message += "; ";
    message.append(violation.field).append(": ").append(violation.description);
    Append(violation.field, violation.description, &payload);
  }
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kFieldsUrl, absl::Cord(payload));
  return status;
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  for (auto& [field, description] : PairsIn(status, kFieldsUrl)) {
    violations.push_back({std::move(field), std::move(description)});
  }
  return violations;
}

std::map<std::string, std::string> MetadataOf(const absl::Status& status) {
  std::map<std::string, std::string> metadata;
  for (auto& [key, value] : PairsIn(status, kMetadataUrl)) metadata[key] = value;
  return metadata;
}

bool IsStoreAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace quotaplane
