#include "tests/scenarios/curb_words.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "tests/scenarios/outcome.h"

namespace quotaplane::scenarios {
namespace {

absl::Status Error(std::string_view what) { return absl::InvalidArgumentError(AbslView(what)); }

// "20%", "0.5%": in permille.
absl::StatusOr<int> ReadShare(std::string_view text) {
  double percent = 0;
  if (!text.ends_with('%') ||
      !absl::SimpleAtod(AbslView(text.substr(0, text.size() - 1)), &percent)) {
    return Error("share=PERCENT%");
  }
  const auto permille = std::lround(percent * 10);
  if (permille < 1 || permille > 999) return Error("a share is from 0.1% to 99.9%");
  return static_cast<int>(permille);
}

}  // namespace

absl::StatusOr<int64_t> ReadAlert(const std::string& word) {
  int64_t alert = 0;
  if (!word.starts_with("A-") || !absl::SimpleAtoi(word.substr(2), &alert) || alert < 1) {
    return Error(absl::StrCat("`", word, "` is no alert: A-17"));
  }
  return alert;
}

absl::StatusOr<Curb> ReadCurb(const std::vector<std::string>& words, bool freeze) {
  if (words.size() < 2) return Error("what an alert does begins with the alert: A-17");
  Curb curb;
  curb.freeze = freeze;
  QP_ASSIGN_OR_RETURN(curb.alert, ReadAlert(words[1]));
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) return Error(absl::StrCat("`", words[i], "` means nothing"));
    const std::string key = words[i].substr(0, equals);
    const std::string value = words[i].substr(equals + 1);
    if (key == "from" || key == "until") {
      if (i + 2 >= words.size()) return Error(absl::StrCat(key, "=DATE TIME ZONE"));
      int64_t& at_us = key == "from" ? curb.from_us : curb.until_us;
      QP_ASSIGN_OR_RETURN(at_us, ParseInstant(value, words[i + 1], words[i + 2]));
      i += 2;
    } else if (key == "share" && !freeze) {
      QP_ASSIGN_OR_RETURN(curb.share_permille, ReadShare(value));
    } else if (key == "limit" && !freeze) {
      curb.limit_id = value;
    } else {
      QP_ASSIGN_OR_RETURN(Dimension dimension, ParseDimension(key));
      curb.scope.emplace_back(std::move(dimension), value);
    }
  }
  if (curb.until_us == 0) return Error("it needs until=DATE TIME ZONE");
  if (!freeze && curb.share_permille == 0) return Error("a throttle needs share=PERCENT%");
  return curb;
}

}  // namespace quotaplane::scenarios
