#include "tools/quotactl/flags.h"

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane::quotactl {
namespace {

absl::Status Wrong(std::string_view flag, std::string_view value, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(AbslView(flag), ": \"", AbslView(value), "\" ", AbslView(rule)));
}

absl::StatusOr<std::pair<std::string, std::string>> SplitPair(std::string_view flag,
                                                              std::string_view text,
                                                              std::string_view rule) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return Wrong(flag, text, rule);
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

absl::Status AddMeter(std::string_view flag, const std::string& name, const std::string& number,
                      v1::Usage* usage) {
  int64_t units;
  if (!absl::SimpleAtoi(number, &units)) {
    return Wrong(flag, absl::StrCat(name, "=", number), "has no whole number after the \"=\"");
  }
  if (!usage->mutable_meters()->insert({name, units}).second) {
    return Wrong(flag, name, "is given twice");
  }
  return absl::OkStatus();
}

// CLI11 itself would quietly make 2^63-1 of anything larger.
std::string WhyNoWholeNumber(const std::string& text) {
  int64_t ignored;
  return absl::SimpleAtoi(text, &ignored) ? "" : absl::StrCat("\"", text, "\" is no whole number");
}

CLI::Option* AddRepeatable(CLI::App& command, const std::string& name,
                           std::vector<std::string>& values, const std::string& help) {
  return command.add_option(name, values, help)->allow_extra_args(false);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseSpan(std::string_view flag, std::string_view text) {
  absl::Duration span;
  if (!absl::ParseDuration(AbslView(text), &span) || span <= absl::ZeroDuration() ||
      span == absl::InfiniteDuration()) {
    return Wrong(flag, text, "is no span of time; write it as 30s, 5m or 1h30m");
  }
  return span;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(absl::IDivDuration(duration, absl::Nanoseconds(1), &duration));
  return proto;
}

absl::StatusOr<v1::ServiceTier> ParseTier(std::string_view flag, std::string_view text) {
  if (text.empty()) return v1::SERVICE_TIER_UNSPECIFIED;
  if (text == "standard") return v1::SERVICE_TIER_STANDARD;
  if (text == "batch") return v1::SERVICE_TIER_BATCH;
  if (text == "priority") return v1::SERVICE_TIER_PRIORITY;
  if (text == "flex") return v1::SERVICE_TIER_FLEX;
  return Wrong(flag, text, "is no service tier; there are standard, batch, priority, flex");
}

absl::StatusOr<v1::Attempt> ParseAttempt(std::string_view text) {
  v1::Attempt attempt;
  for (const std::string& field : std::vector<std::string>(absl::StrSplit(AbslView(text), ','))) {
    QP_ASSIGN_OR_RETURN(
        const auto pair,
        SplitPair("--attempt", field, "is no KEY=VALUE; write model=M,input=N,output=N"));
    if (pair.first == "model") {
      attempt.set_model(pair.second);
    } else if (pair.first == "tier") {
      QP_ASSIGN_OR_RETURN(const v1::ServiceTier tier, ParseTier("--attempt tier", pair.second));
      attempt.set_service_tier(tier);
    } else {
      QP_RETURN_IF_ERROR(AddMeter("--attempt", pair.first, pair.second, attempt.mutable_usage()));
    }
  }
  return attempt;
}

std::string NewId() {
  absl::BitGen random;
  return absl::StrFormat("r-%016x%016x", absl::Uniform<uint64_t>(random),
                         absl::Uniform<uint64_t>(random));
}

void OrgFlag::AddTo(CLI::App& command) {
  command.add_option("--org", org, "Organisation; every counter belongs to one")
      ->envname("QUOTAPLANE_ORG")
      ->capture_default_str()
      ->group("Subject");
}

void SubjectFlags::AddTo(CLI::App& command) {
  org.AddTo(command);
  const auto add = [&](const char* name, std::string* value, const char* help) {
    command.add_option(name, *value, help)->group("Subject");
  };
  add("--team", fields.mutable_team(), "Team");
  add("--project", fields.mutable_project(), "Project");
  add("--user", fields.mutable_user(), "User");
  add("--api-key", fields.mutable_api_key(), "Identifier of the API key, never the secret");
  add("--model", fields.mutable_model(), "Model, as the price book names it");
  AddRepeatable(command, "--label", labels, "Free dimension K=V, such as agent=ci; repeatable")
      ->group("Subject");
}

absl::StatusOr<v1::Subject> SubjectFlags::Build() const {
  v1::Subject subject = fields;
  subject.set_org(org.org);
  for (const std::string& label : labels) {
    QP_ASSIGN_OR_RETURN(const auto pair,
                        SplitPair("--label", label, "is no K=V, such as agent=ci"));
    if (!subject.mutable_labels()->insert({pair.first, pair.second}).second) {
      return Wrong("--label", pair.first, "is given twice");
    }
  }
  return subject;
}

void UsageFlags::AddTo(CLI::App& command, Kind kind) {
  const auto add = [&](const char* name, std::optional<int64_t>* value, const char* help) {
    return command.add_option(name, *value, help)->check(WhyNoWholeNumber)->group("Usage");
  };
  add("--input-tokens", &input, "Input tokens, without those read from or written to a cache");
  CLI::Option* const plain = add("--output-tokens", &output, "Output tokens, reasoning included");
  if (kind == Kind::kEstimate) {
    add("--max-output-tokens", &max_output,
        "The same meter, as an upper bound: the call's max_tokens")
        ->excludes(plain);
  }
  add("--cache-read-tokens", &cache_read, "Tokens read from a prompt cache");
  add("--cache-write-5m-tokens", &cache_write_5m, "Tokens written to a cache for 5 minutes");
  add("--cache-write-1h-tokens", &cache_write_1h, "Tokens written to a cache for 1 hour");
  AddRepeatable(command, "--meter", meters,
                "Any other meter NAME=N, such as web_search_requests=2; repeatable")
      ->group("Usage");
}

absl::StatusOr<v1::Usage> UsageFlags::Build() const {
  v1::Usage usage;
  const auto set = [&](const char* meter, std::optional<int64_t> units) {
    if (units.has_value()) (*usage.mutable_meters())[meter] = *units;
  };
  set("input", input);
  set("output", output);
  set("output", max_output);
  set("cache_read", cache_read);
  set("cache_write_5m", cache_write_5m);
  set("cache_write_1h", cache_write_1h);
  for (const std::string& meter : meters) {
    QP_ASSIGN_OR_RETURN(const auto pair,
                        SplitPair("--meter", meter, "is no NAME=N, such as web_search_requests=2"));
    QP_RETURN_IF_ERROR(AddMeter("--meter", pair.first, pair.second, &usage));
  }
  return usage;
}

void TierFlag::AddTo(CLI::App& command) {
  command.add_option("--tier", tier, "Service tier: standard, batch, priority, flex")
      ->group("Usage");
}

void AttemptFlags::AddTo(CLI::App& command) {
  usage.AddTo(command, UsageFlags::Kind::kActual);
  tier.AddTo(command);
  AddRepeatable(command, "--attempt", attempts,
                "One call of a retry or fallback chain, in place of the flags above: "
                "model=M,input=N,output=N[,METER=N…][,tier=T]; repeatable")
      ->group("Usage");
}

absl::StatusOr<std::vector<v1::Attempt>> AttemptFlags::Build() const {
  QP_ASSIGN_OR_RETURN(v1::Usage single, usage.Build());
  QP_ASSIGN_OR_RETURN(const v1::ServiceTier single_tier, tier.Build());
  std::vector<v1::Attempt> built;
  for (const std::string& text : attempts) {
    QP_ASSIGN_OR_RETURN(v1::Attempt attempt, ParseAttempt(text));
    built.push_back(std::move(attempt));
  }
  if (!built.empty()) {
    if (single.meters_size() > 0 || !tier.tier.empty()) {
      return absl::InvalidArgumentError(
          "--attempt: give either attempts or the flags of a single call, not both");
    }
  } else if (single.meters_size() > 0) {
    v1::Attempt& attempt = built.emplace_back();
    *attempt.mutable_usage() = std::move(single);
    attempt.set_service_tier(single_tier);
  }
  return built;
}

}  // namespace quotaplane::quotactl
