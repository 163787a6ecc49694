#include "libs/config/yaml_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/did_you_mean.h"

namespace quotaplane {
namespace {

size_t SkipDigits(std::string_view text, size_t from) {
  while (from < text.size() && absl::ascii_isdigit(text[from])) ++from;
  return from;
}

size_t SkipSign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+');
}

bool IsExactDecimal(std::string_view text) {
  const size_t start = SkipSign(text);
  const size_t point = SkipDigits(text, start);
  if (point == start) return false;
  if (point == text.size()) return true;
  if (text[point] != '.') return false;
  const size_t end = SkipDigits(text, point + 1);
  return end > point + 1 && end == text.size();
}

// Whether the YAML 1.2 core schema resolves a plain scalar to a number.
bool IsYamlNumber(std::string_view text) {
  if (text.size() > 2 && (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0o")) {
    const std::string_view digits = text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567";
    return text.find_first_not_of(digits, 2) == std::string_view::npos;
  }
  const size_t start = SkipSign(text);
  const std::string_view rest = text.substr(start);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return true;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  size_t end = SkipDigits(text, start);
  size_t digits = end - start;
  if (end < text.size() && text[end] == '.') {
    const size_t fraction = SkipDigits(text, end + 1);
    digits += fraction - (end + 1);
    end = fraction;
  }
  if (digits == 0) return false;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const size_t exponent = end + 1 + SkipSign(text.substr(end + 1));
    end = SkipDigits(text, exponent);
    if (end == exponent) return false;
  }
  return end == text.size();
}

bool IsYamlBoolean(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kWords = {"true",  "True",  "TRUE",
                                                             "false", "False", "FALSE"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

std::string Join(std::initializer_list<std::string_view> words, std::string_view separator) {
  std::string joined;
  for (const std::string_view word : words) {
    if (!joined.empty()) joined += separator;
    joined += word;
  }
  return joined;
}

}  // namespace

YamlNode::Iterator& YamlNode::Iterator::operator++() {
  index_ = document_->nodes_[index_].next;
  return *this;
}

YamlNode::Iterator YamlNode::begin() const { return {document_, document_->nodes_[index_].first}; }

YamlKind YamlNode::kind() const { return document_->nodes_[index_].kind; }
size_t YamlNode::size() const { return document_->nodes_[index_].size; }
int YamlNode::line() const { return static_cast<int>(document_->nodes_[index_].line); }
std::string_view YamlNode::key() const { return document_->View(document_->nodes_[index_].key); }
std::string_view YamlNode::text() const { return document_->View(document_->nodes_[index_].text); }

std::string YamlNode::path() const {
  std::vector<uint32_t> steps;
  for (uint32_t i = index_; document_->nodes_[i].parent != 0; i = document_->nodes_[i].parent) {
    steps.push_back(i);
  }
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const YamlDocument::Node& node = document_->nodes_[*step];
    const auto named = document_->names_.find(*step);
    if (named != document_->names_.end()) {
      absl::StrAppend(&path, "[", named->second, "]");
    } else if (document_->nodes_[node.parent].kind == YamlKind::kList) {
      absl::StrAppend(&path, "[", node.position, "]");
    } else {
      const std::string quoted = QuoteForMessage(document_->View(node.key));
      absl::StrAppend(&path, path.empty() ? "" : ".",
                      AbslView(quoted).substr(1, quoted.size() - 2));
    }
  }
  return path;
}

void YamlNode::NameItem(std::string_view name) const {
  document_->names_[index_] = std::string(name);
}

std::string YamlNode::source() const {
  const std::string place = path();
  return absl::StrCat(document_->name(), ":", line(), place.empty() ? "" : ": ", place);
}

void YamlNode::Report(std::string_view what) const {
  if (document_->CountProblem()) {
    document_->problems_.push_back({line(), absl::StrCat(source(), ": ", AbslView(what))});
  }
}

void YamlNode::ReportKind(std::string_view wanted) const {
  switch (kind()) {
    case YamlKind::kNull:
      return Report(absl::StrCat("has no value; write ", AbslView(wanted)));
    case YamlKind::kScalar:
      return Report(absl::StrCat("must be ", AbslView(wanted), ", not ", QuoteForMessage(text())));
    case YamlKind::kList:
      return Report(absl::StrCat("must be ", AbslView(wanted), ", not a list"));
    case YamlKind::kMap:
      return Report(absl::StrCat("must be ", AbslView(wanted), ", not a map"));
  }
}

bool YamlNode::ExpectMap() const {
  if (kind() == YamlKind::kMap) return true;
  ReportKind("a map (key: value)");
  return false;
}

bool YamlNode::ExpectList() const {
  if (kind() == YamlKind::kList) return true;
  ReportKind("a list ([a, b], or lines with `- `)");
  return false;
}

std::optional<std::string_view> YamlNode::String() const {
  if (kind() != YamlKind::kScalar) {
    ReportKind("a text");
    return std::nullopt;
  }
  const bool number = document_->nodes_[index_].plain && IsYamlNumber(text());
  if (number || (document_->nodes_[index_].plain && IsYamlBoolean(text()))) {
    Report(absl::StrCat("must be a text, not the ", number ? "number " : "boolean ",
                        AbslView(text()), "; if the text is meant, quote it: \"", AbslView(text()),
                        "\""));
    return std::nullopt;
  }
  return text();
}

std::optional<std::string_view> YamlNode::Decimal() const {
  if (kind() == YamlKind::kScalar && IsExactDecimal(text())) return text();
  ReportKind("an exact decimal such as 12 or 0.25");
  return std::nullopt;
}

std::optional<int64_t> YamlNode::Int64(int64_t min, int64_t max) const {
  const bool digits = kind() == YamlKind::kScalar && !text().empty() &&
                      SkipSign(text()) < text().size() &&
                      SkipDigits(text(), SkipSign(text())) == text().size();
  if (!digits) {
    ReportKind("a whole number such as 1000");
    return std::nullopt;
  }
  int64_t value = 0;
  if (!absl::SimpleAtoi(AbslView(text()), &value) || value < min || value > max) {
    Report(absl::StrCat("must be from ", min, " to ", max, ", not ", QuoteForMessage(text())));
    return std::nullopt;
  }
  return value;
}

std::optional<size_t> YamlNode::OneOf(std::initializer_list<std::string_view> choices) const {
  const auto found = kind() == YamlKind::kScalar ? std::find(choices.begin(), choices.end(), text())
                                                 : choices.end();
  if (found != choices.end()) return found - choices.begin();
  ReportKind(Join(choices, " or "));
  return std::nullopt;
}

std::optional<YamlNode> YamlNode::Find(std::string_view key) const {
  for (const YamlNode entry : *this) {
    if (entry.key() == key) return entry;
  }
  return std::nullopt;
}

std::optional<YamlNode> YamlNode::Require(std::string_view key, std::string_view hint) const {
  std::optional<YamlNode> entry = Find(key);
  if (!entry.has_value())
    Report(absl::StrCat("`", AbslView(key), "` is missing; ", AbslView(hint)));
  return entry;
}

bool YamlNode::ExpectKeys(std::initializer_list<std::string_view> known) const {
  bool all_known = true;
  for (const YamlNode entry : *this) {
    if (std::find(known.begin(), known.end(), entry.key()) != known.end()) continue;
    all_known = false;
    if (entry.key() == "<<") {
      entry.Report("merge keys are not supported; write the entries out");
      continue;
    }
    const std::string guess = DidYouMean(entry.key(), known);
    entry.Report(absl::StrCat(
        "unknown key", guess.empty() ? absl::StrCat("; known are ", Join(known, ", ")) : guess));
  }
  return all_known;
}

bool YamlDocument::CountProblem() { return ++problem_count_ <= kMaxYamlProblems; }

void YamlDocument::ReportLine(std::string text) {
  // Lines without a number in their place come last.
  int line = std::numeric_limits<int>::max();
  if (text.compare(0, name_.size() + 1, name_ + ":") == 0) {
    const size_t start = name_.size() + 1;
    const std::string_view digits =
        std::string_view(text).substr(start, SkipDigits(text, start) - start);
    if (int number = 0; absl::SimpleAtoi(AbslView(digits), &number)) line = number;
  }
  if (CountProblem()) problems_.push_back({line, std::move(text)});
}

absl::Status YamlDocument::status() const {
  if (problems_.empty()) return absl::OkStatus();
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  std::string message = absl::StrJoin(
      sorted, "\n", [](std::string* out, const Problem& problem) { out->append(problem.text); });
  if (problem_count_ > problems_.size()) {
    absl::StrAppend(&message, "\n", name_, ": ", problem_count_ - problems_.size(),
                    " more problems are not shown");
  }
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  const auto failed = [&](int error) {
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    if (error == ENOENT) return absl::NotFoundError(message);
    if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
    return absl::InvalidArgumentError(message);
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return failed(errno);
  std::string text;
  std::array<char, 64 << 10> piece;
  size_t got = piece.size();
  while (got == piece.size() && text.size() <= kMaxYamlBytes) {
    got = std::fread(piece.data(), 1, piece.size(), file.get());
    text.append(piece.data(), got);
  }
  if (std::ferror(file.get())) return failed(errno);
  if (text.size() > kMaxYamlBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the file has more than ", kMaxYamlBytes, " bytes"));
  }
  return text;
}

}  // namespace quotaplane
