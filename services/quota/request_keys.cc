#include "services/quota/request_keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

absl::StatusOr<RequestKey> RequestKeys::Resolve(const std::string& text, KeyUse use) const {
  if (text.empty()) return RequestKey();
  static const KeyRing* const kNone = new KeyRing();
  return ring_ == nullptr ? kNone->Resolve(text, 0, use) : ring_->Resolve(text, now_us_(), use);
}

void ApplyKey(const RequestKey& key, Subject* subject, FieldChecks* checks) {
  if (key == nullptr) return;
  const auto set = [&](const std::string& value, std::string_view field, std::string* of) {
    if (value.empty() || *of == value) return;
    if (!of->empty()) {
      checks->Violation(absl::StrCat("subject.", AbslView(field)), kOtherThanKey);
    }
    *of = value;
  };
  set(key->org, "org", &subject->org);
  set(key->team, "team", &subject->team);
  set(key->project, "project", &subject->project);
  set(key->user, "user", &subject->user);
  set(key->id, "api_key", &subject->api_key);
}

std::string RefusedByKey(const RequestKey& key, std::string_view model) {
  if (key == nullptr || key->models.empty()) return "";
  const bool allowed = std::any_of(key->models.begin(), key->models.end(),
                                   [&](const Glob& glob) { return glob.Matches(model); });
  return allowed ? "" : absl::StrCat("key/", key->id);
}

}  // namespace quotaplane
