#include "libs/config/set_amount_words.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(AbslView(what), "; write it as in `user=alice: 500 usd/month`"));
}

std::string_view Trimmed(std::string_view text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(AbslView(text));
  return {trimmed.data(), trimmed.size()};
}

// Takes what stands in quotes at the start of `text`, the quotes included.
absl::StatusOr<std::string> TakeQuoted(std::string_view* text) {
  std::string value;
  for (size_t i = 1; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == '"') {
      *text = Trimmed(text->substr(i + 1));
      return value;
    }
    if (c == '\\' && i + 1 < text->size()) c = (*text)[++i];
    value.push_back(c);
  }
  return Wrong("a quote is not closed");
}

absl::StatusOr<std::map<std::string, std::string>> ParseScope(std::string_view text) {
  std::map<std::string, std::string> scope;
  text = Trimmed(text);
  while (!text.empty()) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return Wrong(absl::StrCat(QuoteForMessage(text), " has no ="));
    }
    const std::string name(Trimmed(text.substr(0, equals)));
    text = Trimmed(text.substr(equals + 1));
    std::string value;
    if (!text.empty() && text[0] == '"') {
      QP_ASSIGN_OR_RETURN(value, TakeQuoted(&text));
    } else {
      const size_t comma = std::min(text.find(','), text.size());
      value = Trimmed(text.substr(0, comma));
      text.remove_prefix(comma);
    }
    if (name.empty() || value.empty()) {
      return Wrong("a dimension or its value is missing beside =");
    }
    if (!scope.emplace(name, std::move(value)).second) {
      return Wrong(absl::StrCat(QuoteForMessage(name), " is given twice"));
    }
    if (text.empty()) break;
    if (text[0] != ',') return Wrong("a comma is missing between two dimensions");
    text = Trimmed(text.substr(1));
    if (text.empty()) return Wrong("nothing stands behind the last comma");
  }
  return scope;
}

bool IsPer(const std::string& word) {
  static constexpr std::array<std::string_view, 6> kWords = {"/",  "per",  "a",
                                                             "an", "each", "every"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace

absl::StatusOr<SetAmountText> ParseSetAmount(std::string_view text) {
  SetAmountText set;
  // Neither amounts nor units nor windows have one; values may.
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    QP_ASSIGN_OR_RETURN(set.scope, ParseScope(text.substr(0, colon)));
    text.remove_prefix(colon + 1);
  }
  const std::string spaced = absl::StrReplaceAll(AbslView(text), {{"/", " / "}});
  std::vector<std::string> words =
      absl::StrSplit(absl::AsciiStrToLower(spaced), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  if (words.size() < 2) return Wrong("an amount and a unit are needed");
  set.amount = std::move(words[0]);
  set.unit = std::move(words[1]);
  if (words.size() == 2) return set;
  if (words.size() != 4 || !IsPer(words[2])) {
    return Wrong("behind the unit stands the window alone");
  }
  set.window = std::move(words[3]);
  return set;
}

}  // namespace quotaplane
