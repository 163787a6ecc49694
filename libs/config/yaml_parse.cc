// From yaml-cpp's events to the flat tree. All that knows yaml-cpp is in here.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/absl_view.h"
#include "libs/config/yaml_reader.h"

namespace quotaplane {
namespace {

// Why a document is not read any further. Thrown through yaml-cpp out of an event or a read, caught
// in Parse.
struct Refused {
  int line;
  std::string what;
};

// Hands the text to yaml-cpp piece by piece and watches that events come of it. yaml-cpp keeps
// every token of a flow collection that may yet turn out to be a key until that is decided, some
// 250 bytes each, before the first event: 16 MiB of
// `[` would take 4 GB before the nesting is seen. kMaxPending is far above what a document has that
// was not made to hurt.
class WatchedText : public std::streambuf {
 public:
  explicit WatchedText(std::string_view text) : text_(text) {}
  void EventSeen() { pending_ = 0; }

 protected:
  int_type underflow() override {
    if (gptr() != egptr()) return traits_type::to_int_type(*gptr());
    if (given_ == text_.size()) return traits_type::eof();
    const std::string_view piece = text_.substr(given_, kPiece);
    for (const char c : piece) Count(c);
    if (pending_ > kMaxPending) {
      throw Refused{line_, absl::StrCat("more than ", kMaxPending,
                                        " brackets, commas and quotes in one [] or {} collection; "
                                        "write its outer levels as lines with `- ` or `key:`")};
    }
    char* base = const_cast<char*>(text_.data());  // the get area is never written to
    setg(base, base + given_, base + given_ + piece.size());
    given_ += piece.size();
    return traits_type::to_int_type(*gptr());
  }

 private:
  enum class Place { kIndent, kText, kCommentLine };

  // Lines that are nothing but a comment make no tokens, however long the block of them.
  void Count(char c) {
    if (c == '\n') {
      ++line_;
      place_ = Place::kIndent;
    } else if (place_ == Place::kIndent && c != ' ' && c != '\t') {
      place_ = c == '#' ? Place::kCommentLine : Place::kText;
    }
    if (place_ == Place::kText && kTokenMarks.find(c) != std::string_view::npos) ++pending_;
  }

  static constexpr std::string_view kTokenMarks = "[]{},:?&*!'\"#";
  static constexpr size_t kPiece = 2048;
  static constexpr int64_t kMaxPending = 2'000'000;

  std::string_view text_;
  size_t given_ = 0;
  int line_ = 1;
  Place place_ = Place::kIndent;
  int64_t pending_ = 0;
};

// Length of the well-formed UTF-8 character at the start of `text`, 0 if there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return size;
}

// yaml-cpp takes byte 0x04 for the end of the file and guesses UTF-16 from zero bytes, so bytes are
// checked before it.
void CheckBytes(std::string_view text) {
  int line = 1;
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '\n') ++line;
    if (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
      throw Refused{line, "a carriage return without a line feed; end lines with LF or CRLF"};
    }
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F) {
      throw Refused{
          line, absl::StrFormat("control character 0x%02x; the file must be plain UTF-8 text", c)};
    }
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0) {
      throw Refused{line,
                    absl::StrFormat("byte 0x%02x is not valid UTF-8; save the file as UTF-8", c)};
    }
    i += length;
  }
}

}  // namespace

class YamlDocument::Builder : public YAML::EventHandler {
 public:
  Builder(YamlDocument* document, WatchedText* watched) : document_(*document), watched_(*watched) {
    document_.nodes_.emplace_back();
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Refused{Line(mark), "text after the end of the document; a file holds one document"};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    if (AtKey()) throw Refused{Line(mark), "a key is missing before the colon"};
    Add(YamlKind::kNull, mark);
    Leave();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{Line(mark), "aliases (*name) are not supported; write the value out"};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    if (tag != "?" && tag != "!") RefuseTag(mark, tag);
    if (AtKey()) {
      watched_.EventSeen();
      Frame& frame = frames_.back();
      frame.key = Store(value);
      frame.key_line = Line(mark);
      frame.has_key = true;
      return;
    }
    Node& node = Add(YamlKind::kScalar, mark);
    node.plain = tag == "?";
    node.text = Store(value);
    Leave();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Enter(YamlKind::kList, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Enter(YamlKind::kMap, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override {
    document_.CheckDuplicateKeys(frames_.back().node);
    Close();
  }

  static int Line(const YAML::Mark& mark) { return std::max(mark.line, 0) + 1; }

 private:
  struct Frame {
    uint32_t node = 0;
    uint32_t last = 0;  // the latest child
    bool has_key = false;
    int key_line = 0;
    Span key;
  };

  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return;
    throw Refused{Line(mark),
                  "anchors (&name) are not supported; write the value where it is needed"};
  }
  [[noreturn]] static void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    throw Refused{Line(mark),
                  absl::StrCat("tag ", QuoteForMessage(tag), " is not supported; leave it out")};
  }

  bool AtKey() const {
    return !frames_.empty() && document_.nodes_[frames_.back().node].kind == YamlKind::kMap &&
           !frames_.back().has_key;
  }

  void Enter(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    if (tag != "?") RefuseTag(mark, tag);
    if (AtKey()) throw Refused{Line(mark), "a list or map cannot be a key; write a text"};
    if (frames_.size() == kMaxYamlDepth) {
      throw Refused{Line(mark), absl::StrCat("more than ", kMaxYamlDepth, " levels of nesting")};
    }
    Add(kind, mark);
    Frame& frame = frames_.emplace_back();
    frame.node = static_cast<uint32_t>(document_.nodes_.size() - 1);
  }

  void Close() {
    frames_.pop_back();
    Leave();
  }

  // The value under way is complete.
  void Leave() {
    watched_.EventSeen();
    if (!frames_.empty()) frames_.back().has_key = false;
  }

  Node& Add(YamlKind kind, const YAML::Mark& mark) {
    const uint32_t index = static_cast<uint32_t>(document_.nodes_.size());
    Node& node = document_.nodes_.emplace_back();
    node.kind = kind;
    node.line = static_cast<uint32_t>(Line(mark));
    if (frames_.empty()) return node;
    Frame& frame = frames_.back();
    Node& parent = document_.nodes_[frame.node];
    node.parent = frame.node;
    node.position = parent.size++;
    if (frame.has_key) {
      node.key = frame.key;
      node.line = static_cast<uint32_t>(frame.key_line);
    }
    if (frame.last == 0) {
      parent.first = index;
    } else {
      document_.nodes_[frame.last].next = index;
    }
    frame.last = index;
    return node;
  }

  Span Store(const std::string& value) {
    const Span span{static_cast<uint32_t>(document_.text_.size()),
                    static_cast<uint32_t>(value.size())};
    document_.text_ += value;
    return span;
  }

  YamlDocument& document_;
  WatchedText& watched_;
  int documents_ = 0;
  std::vector<Frame> frames_;
};

void YamlDocument::CheckDuplicateKeys(uint32_t map) {
  absl::flat_hash_map<std::string_view, int> lines;
  const YamlNode node(this, map);
  // Nearly every map is small: there, comparing each with those before it beats hashing.
  constexpr size_t kSmall = 12;
  const bool small = node.size() <= kSmall;
  for (const YamlNode entry : node) {
    int first_line = 0;
    if (small) {
      for (YamlNode::Iterator it = node.begin(); (*it).index_ != entry.index_; ++it) {
        if ((*it).key() == entry.key()) first_line = (*it).line();
        if (first_line != 0) break;
      }
    } else if (const auto [it, inserted] = lines.emplace(entry.key(), entry.line()); !inserted) {
      first_line = it->second;
    }
    if (first_line != 0) {
      entry.Report(absl::StrCat("duplicate key, first written in line ", first_line, "; keep one"));
    }
  }
}

absl::StatusOr<std::unique_ptr<YamlDocument>> YamlDocument::Parse(std::string_view text,
                                                                  std::string_view name) {
  std::unique_ptr<YamlDocument> document(new YamlDocument(name));
  const auto refuse = [&](int line, std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(AbslView(name), ":", line, ": ", AbslView(what)));
  };
  if (text.size() > kMaxYamlBytes) {
    return refuse(1, absl::StrCat("the file has ", text.size(), " bytes; at most ", kMaxYamlBytes,
                                  " are read"));
  }
  try {
    if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
    CheckBytes(text);
    document->text_.reserve(text.size());
    WatchedText watched(text);
    std::istream in(&watched);
    Builder builder(document.get(), &watched);
    YAML::Parser parser(in);
    // The second call throws where anything follows the document.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const Refused& refused) {
    return refuse(refused.line, refused.what);
  } catch (const YAML::Exception& error) {
    return refuse(Builder::Line(error.mark), absl::StrCat("not valid YAML: ", error.msg));
  }
  if (document->nodes_.size() == 1) document->nodes_.emplace_back().line = 1;
  return document;
}

}  // namespace quotaplane
