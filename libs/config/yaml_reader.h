// A strict, bounded view of one YAML document, which the readers of policies and price books share.
//
// yaml-cpp's own node tree keeps one of two equal keys and says nothing, follows aliases, and takes
// half as long again to build. So its events are taken into a flat tree of ours, and what a
// configuration file has no use for is refused on the way: duplicate keys, anchors and aliases,
// tags, a second document, keys that are not text, more than 32 levels, more than 16 MiB, anything
// but UTF-8, control characters.
//
// Reading never stops at the first wrong value. A getter that does not find what it needs files a
// problem with the document and returns nullopt; the reader goes on, and YamlDocument::status()
// says it all at the end, one problem a line:
//   policy.yaml:12: limits[3].amount: must be a whole number such as 1000, not "1k"
//
// A plain scalar that YAML 1.2 takes for a number, a boolean or null is not text: `user: 007` and
// `team: true` are refused with the advice to quote them, since other tools that read the file
// would see 7 and a boolean.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/quote.h"

namespace quotaplane {

inline constexpr size_t kMaxYamlBytes = size_t{16} << 20;
inline constexpr int kMaxYamlDepth = 32;
// Problems listed by a status; the others are counted in a last line.
inline constexpr size_t kMaxYamlProblems = 50;

enum class YamlKind : uint8_t { kNull, kScalar, kList, kMap };

class YamlDocument;

// A place in a document: cheap to copy, valid as long as the document. Not thread-safe, since
// getters file problems.
class YamlNode {
 public:
  // Iterates over the items of a list or the entries of a map, in file order; over nothing for a
  // scalar.
  class Iterator {
   public:
    YamlNode operator*() const { return {document_, index_}; }
    Iterator& operator++();
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    friend class YamlNode;
    Iterator(YamlDocument* document, uint32_t index) : document_(document), index_(index) {}
    YamlDocument* document_;
    uint32_t index_;
  };
  Iterator begin() const;
  Iterator end() const { return {document_, 0}; }

  YamlKind kind() const;
  size_t size() const;            // items or entries
  int line() const;               // from 1; of an entry, the line of its key
  std::string_view key() const;   // of a map's entry; empty in a list
  std::string_view text() const;  // of a scalar, whatever it looks like
  std::string path() const;       // "limits[3].when.team"; empty at the root
  // Of a list's item: paths have this in place of its position from now on, "alerts[night-freeze]".
  void NameItem(std::string_view name) const;
  // "policy.yaml:12: limits[3]", as problems begin: for messages of checks made later.
  std::string source() const;

  // Files a problem with this place: "must be from 1 to 28, not 31".
  void Report(std::string_view what) const;

  // Getters. Where the node is something else, they file a problem and return nullopt (or false).
  bool ExpectMap() const;
  bool ExpectList() const;
  std::optional<std::string_view> String() const;
  // The text of an exact decimal: an optional sign, digits, and optionally a point and digits;
  // plain or quoted. No exponent, no hexadecimal, no underscores, no bare point.
  std::optional<std::string_view> Decimal() const;
  // A whole number from `min` to `max`, written in digits; plain or quoted.
  std::optional<int64_t> Int64(int64_t min, int64_t max) const;
  // The index of the text among `choices`.
  std::optional<size_t> OneOf(std::initializer_list<std::string_view> choices) const;

  // The entries of a map. Find files no problem; Require does where the key is missing: "`window`
  // is missing; " + hint.
  std::optional<YamlNode> Find(std::string_view key) const;
  std::optional<YamlNode> Require(std::string_view key, std::string_view hint) const;
  // Files a problem for every entry whose key is not in `known`, with the nearest known one. False
  // if there was any.
  bool ExpectKeys(std::initializer_list<std::string_view> known) const;

 private:
  friend class YamlDocument;
  YamlNode(YamlDocument* document, uint32_t index) : document_(document), index_(index) {}
  void ReportKind(std::string_view wanted) const;

  YamlDocument* document_;
  uint32_t index_;
};

class YamlDocument {
 public:
  // `name` stands for the file in messages. INVALID_ARGUMENT where the text is not one YAML
  // document within the bounds above: a single line, since nothing can be read past that. An empty
  // document has a root of kind kNull.
  static absl::StatusOr<std::unique_ptr<YamlDocument>> Parse(std::string_view text,
                                                             std::string_view name);

  YamlNode root() { return {this, 1}; }
  const std::string& name() const { return name_; }
  // Problems filed so far, listed or only counted.
  size_t problem_count() const { return problem_count_; }
  // Files a problem whose text bears its place itself ("policy.yaml:12: limits[3]: …"), as the work
  // of a check that knew places only by YamlNode::source().
  void ReportLine(std::string text);
  // OK, or INVALID_ARGUMENT with all problems by line.
  absl::Status status() const;

 private:
  friend class YamlNode;
  class Builder;

  // A run of bytes in text_.
  struct Span {
    uint32_t offset = 0;
    uint32_t size = 0;
  };
  // Indexes into nodes_; 0 is none.
  struct Node {
    YamlKind kind = YamlKind::kNull;
    bool plain = false;
    uint32_t line = 0;
    uint32_t parent = 0;
    uint32_t next = 0;
    uint32_t first = 0;
    uint32_t size = 0;
    uint32_t position = 0;  // among its siblings
    Span key;
    Span text;
  };
  struct Problem {
    int line;
    std::string text;
  };

  explicit YamlDocument(std::string_view name) : name_(name) {}
  std::string_view View(Span span) const {
    return std::string_view(text_).substr(span.offset, span.size);
  }
  void CheckDuplicateKeys(uint32_t map);
  // False once a further problem would only be counted, so that its text need not be made.
  bool CountProblem();

  std::string name_;
  std::string text_;                                  // all keys and scalars
  std::vector<Node> nodes_;                           // [0] is none, [1] the root
  absl::flat_hash_map<uint32_t, std::string> names_;  // of items, by their indexes
  std::vector<Problem> problems_;
  size_t problem_count_ = 0;
};

// The text of a file of at most kMaxYamlBytes. NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT
// (too large, a directory, an I/O error), each with the path.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

}  // namespace quotaplane
