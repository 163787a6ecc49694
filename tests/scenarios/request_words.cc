#include "tests/scenarios/request_words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "tests/scenarios/outcome.h"

namespace quotaplane::scenarios {
namespace {

constexpr std::string_view kLabels = "labels.";

absl::Status NoSuchWord(const std::string& word) {
  return absl::InvalidArgumentError(absl::StrCat("`", word, "` means nothing here"));
}

std::string* ValueOf(const std::string& key, Subject* subject) {
  if (key == "org") return &subject->org;
  if (key == "team") return &subject->team;
  if (key == "project") return &subject->project;
  if (key == "user") return &subject->user;
  if (key == "api_key") return &subject->api_key;
  if (key == "model") return &subject->model;
  return nullptr;
}

void SetLabel(const std::string& name, const std::string& value, Subject* subject) {
  auto& labels = subject->labels;
  labels.erase(std::remove_if(labels.begin(), labels.end(),
                              [&](const auto& label) { return label.first == name; }),
               labels.end());
  if (!value.empty()) labels.emplace_back(name, value);
  std::sort(labels.begin(), labels.end());
}

absl::StatusOr<ServiceTier> ParseTier(const std::string& text) {
  if (text == "standard") return ServiceTier::kStandard;
  if (text == "batch") return ServiceTier::kBatch;
  if (text == "priority") return ServiceTier::kPriority;
  if (text == "flex") return ServiceTier::kFlex;
  return absl::InvalidArgumentError(absl::StrCat("no service tier `", text, "`"));
}

class Reader {
 public:
  Reader(const Subject& subject, const std::function<bool(const std::string&)>& is_meter)
      : is_meter_(is_meter) {
    request_.subject = subject;
  }

  absl::Status Add(const std::string& word) {
    if (word == "attempt") {
      request_.attempts.emplace_back();
      return absl::OkStatus();
    }
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return NoSuchWord(word);
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (!request_.attempts.empty()) return AddToAttempt(word, key, value);
    if (std::string* field = ValueOf(key, &request_.subject)) {
      *field = value;
    } else if (key.starts_with(kLabels)) {
      SetLabel(key.substr(kLabels.size()), value, &request_.subject);
    } else if (key == "ttl") {
      QP_ASSIGN_OR_RETURN(request_.ttl_us, ParseDurationUs(value));
    } else if (key == "sequence") {
      QP_ASSIGN_OR_RETURN(request_.sequence, ParseCount(value));
    } else if (key == "tier") {
      QP_ASSIGN_OR_RETURN(request_.tier, ParseTier(value));
    } else {
      return AddMeter(word, key, value, &request_.usage);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<RequestWords> Take() && {
    const bool single = !request_.usage.empty() || request_.tier.has_value();
    if (single && !request_.attempts.empty()) {
      return absl::InvalidArgumentError("usage stands before the first `attempt`");
    }
    return std::move(request_);
  }

 private:
  absl::Status AddToAttempt(const std::string& word, const std::string& key,
                            const std::string& value) {
    Attempt& attempt = request_.attempts.back();
    if (key == "model") {
      attempt.model = value;
    } else if (key == "tier") {
      QP_ASSIGN_OR_RETURN(attempt.tier, ParseTier(value));
    } else {
      return AddMeter(word, key, value, &attempt.usage);
    }
    return absl::OkStatus();
  }

  absl::Status AddMeter(const std::string& word, const std::string& key, const std::string& value,
                        Usage* usage) const {
    const bool twice = std::any_of(usage->begin(), usage->end(),
                                   [&](const auto& meter) { return meter.first == key; });
    if (twice || !is_meter_(key)) return NoSuchWord(word);
    QP_ASSIGN_OR_RETURN(const int64_t quantity, ParseCount(value));
    usage->emplace_back(key, quantity);
    std::sort(usage->begin(), usage->end());
    return absl::OkStatus();
  }

  const std::function<bool(const std::string&)>& is_meter_;
  RequestWords request_;
};

}  // namespace

absl::StatusOr<RequestWords> ReadRequest(const std::vector<std::string>& words, size_t first,
                                         const Subject& subject,
                                         const std::function<bool(const std::string&)>& is_meter) {
  Reader reader(subject, is_meter);
  for (size_t i = first; i < words.size(); ++i) QP_RETURN_IF_ERROR(reader.Add(words[i]));
  return std::move(reader).Take();
}

}  // namespace quotaplane::scenarios
