#include "tools/quotactl/alert_flags.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::quotactl {

void AlertOrgFlag::AddTo(CLI::App& command) {
  org.AddTo(command);
  command
      .add_flag("--deployment", deployment,
                "The deployment's own alerts in place of an org's: backlog, drift, an outage")
      ->group("Subject");
}

void RequestIdFlag::AddTo(CLI::App& command) {
  command
      .add_option("--request-id", request_id,
                  "The call's own id: with the same one, it is carried out once; by default random")
      ->group("Audit");
}

absl::StatusOr<v1::AlertMatcher> ParseMatcher(std::string_view flag, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(AbslView(flag), ": \"", text,
                     "\" is no NAME=GLOB, such as user=alice, kind=anomaly or model=claude-*"));
  }
  v1::AlertMatcher matcher;
  matcher.set_name(text.substr(0, equals));
  matcher.set_glob(text.substr(equals + 1));
  return matcher;
}

absl::StatusOr<int64_t> ParseDeliveryId(std::string_view flag, const std::string& text) {
  int64_t id;
  if (absl::SimpleAtoi(text, &id) && id > 0) return id;
  return absl::InvalidArgumentError(
      absl::StrCat(AbslView(flag), ": \"", text,
                   "\" is no number of a delivery, as quotactl alert deliveries lists them"));
}

}  // namespace quotaplane::quotactl
