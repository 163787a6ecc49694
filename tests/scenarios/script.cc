#include "tests/scenarios/script.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"

namespace quotaplane::scenarios {
namespace {

// nullopt: a quote is not closed.
std::optional<std::vector<std::string>> WordsOf(std::string_view line) {
  std::vector<std::string> words;
  bool inside = false, quoted = false;
  for (const char c : line) {
    const bool blank = c == ' ' || c == '\t';
    if (!quoted && blank) {
      inside = false;
      continue;
    }
    if (!inside) {
      if (c == '#') break;
      words.emplace_back();
      inside = true;
    }
    if (c == '"') {
      quoted = !quoted;
    } else {
      words.back().push_back(c);
    }
  }
  if (quoted) return std::nullopt;
  return words;
}

bool IsIndented(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

bool TakesBlock(const Step& step) { return step.words[0] == "policy" || step.words[0] == "prices"; }

class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  absl::Status AddLine(std::string_view line) {
    ++number_;
    if (in_block_ && (IsIndented(line) || IsBlank(line))) {
      std::string* block = &steps_.back().block;
      if (block->empty()) block->assign(number_ - 1, '\n');
      absl::StrAppend(block, AbslView(line), "\n");
      return absl::OkStatus();
    }
    in_block_ = false;
    std::optional<std::vector<std::string>> words = WordsOf(line);
    if (!words.has_value()) return Error("a quote is not closed");
    if (words->empty()) return absl::OkStatus();
    return AddWords(line, *std::move(words));
  }

  std::vector<Step> Take() && { return std::move(steps_); }

 private:
  absl::Status AddWords(std::string_view line, std::vector<std::string> words) {
    const bool continues = words[0] == "->";
    if (continues && steps_.empty()) return Error("-> expects something of nothing");
    if (!continues && IsIndented(line)) {
      return Error("indented lines belong to `policy` or `prices`, or begin with ->");
    }
    if (!continues) steps_.push_back({number_, std::string(line), {}, {}, {}});
    Step& step = steps_.back();
    bool expecting = false;
    for (std::string& word : words) {
      if (word == "->") {
        expecting = true;
        step.expected.emplace_back();
      } else if (expecting) {
        step.expected.back().push_back(std::move(word));
      } else {
        step.words.push_back(std::move(word));
      }
    }
    for (const std::vector<std::string>& expected : step.expected) {
      if (expected.empty()) return Error("-> expects nothing");
    }
    in_block_ = TakesBlock(step);
    return absl::OkStatus();
  }

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(AbslView(name_), ":", number_, ": ", AbslView(what)));
  }

  const std::string_view name_;
  int number_ = 0;
  bool in_block_ = false;
  std::vector<Step> steps_;
};

}  // namespace

absl::StatusOr<std::vector<Step>> ReadScript(std::string_view text, std::string_view name) {
  Reader reader(name);
  for (const absl::string_view line : absl::StrSplit(AbslView(text), '\n')) {
    const absl::Status added = reader.AddLine({line.data(), line.size()});
    if (!added.ok()) return added;
  }
  return std::move(reader).Take();
}

}  // namespace quotaplane::scenarios
