#include "tests/scenarios/exception_words.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"
#include "tests/scenarios/outcome.h"

namespace quotaplane::scenarios {
namespace {

absl::Status Error(std::string_view what) { return absl::InvalidArgumentError(AbslView(what)); }

bool IsUsd(const std::string& limit_id, const Policy& policy) {
  const std::vector<Limit>& limits = policy.document().limits;
  return std::any_of(limits.begin(), limits.end(), [&](const Limit& limit) {
    return limit.id == limit_id && limit.unit.kind == UnitKind::kUsd;
  });
}

}  // namespace

absl::StatusOr<Raise> ReadException(const std::vector<std::string>& words, size_t first,
                                    const Policy& policy) {
  if (words.size() < first + 2) return Error("an exception has an id and a limit");
  Raise raise;
  raise.exception_id = words[first];
  raise.limit_id = words[first + 1];
  for (size_t i = first + 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) return Error(absl::StrCat("`", words[i], "` means nothing"));
    const std::string key = words[i].substr(0, equals);
    const std::string value = words[i].substr(equals + 1);
    if (key == "amount" && IsUsd(raise.limit_id, policy)) {
      QP_ASSIGN_OR_RETURN(raise.amount, ParseUsd(value));
    } else if (key == "amount") {
      QP_ASSIGN_OR_RETURN(raise.amount, ParseCount(value));
    } else if (key == "from" || key == "until") {
      if (i + 2 >= words.size()) return Error(absl::StrCat(key, "=DATE TIME ZONE"));
      int64_t& at_us = key == "from" ? raise.from_us : raise.until_us;
      QP_ASSIGN_OR_RETURN(at_us, ParseInstant(value, words[i + 1], words[i + 2]));
      i += 2;
    } else {
      QP_ASSIGN_OR_RETURN(Dimension dimension, ParseDimension(key));
      raise.scope.emplace_back(std::move(dimension), value);
    }
  }
  if (raise.amount == 0 || raise.until_us == 0) return Error("an exception needs amount and until");
  return raise;
}

}  // namespace quotaplane::scenarios
