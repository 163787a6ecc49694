#include "libs/reconcile/model_names.h"

#include "absl/strings/ascii.h"
#include "libs/base/absl_view.h"

namespace quotaplane::reconcile {
namespace {

// `pattern`: 0 stands for a digit.
bool EndsWithPattern(std::string_view text, std::string_view pattern) {
  if (text.size() <= pattern.size()) return false;
  text.remove_prefix(text.size() - pattern.size());
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool digit = absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
    if (pattern[i] == '0' ? !digit : text[i] != pattern[i]) return false;
  }
  return true;
}

}  // namespace

std::string CanonicalModel(std::string_view name) {
  std::string kept = absl::AsciiStrToLower(AbslView(name));
  std::string_view model = kept;
  for (const std::string_view prefix : {"anthropic/", "openai/"}) {
    if (model.starts_with(prefix) && model.size() > prefix.size()) {
      model.remove_prefix(prefix.size());
    }
  }
  for (const std::string_view suffix : {"-00000000", "@00000000", "-0000-00-00"}) {
    if (EndsWithPattern(model, suffix)) {
      model.remove_suffix(suffix.size());
      break;
    }
  }
  constexpr std::string_view kLatest = "-latest";
  if (model.ends_with(kLatest) && model.size() > kLatest.size()) {
    model.remove_suffix(kLatest.size());
  }
  return std::string(model);
}

}  // namespace quotaplane::reconcile
