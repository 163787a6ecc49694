#include "libs/spool/cursor.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/base/hash.h"

namespace quotaplane::spool {
namespace {

constexpr char kName[] = "cursor";
constexpr int64_t kMaxBytes = 256;

std::string Format(uint64_t acknowledged) {
  const std::string line = absl::StrCat("acknowledged ", acknowledged);
  return absl::StrFormat("%s check %016x\n", line, HashOf(line).low64());
}

}  // namespace

absl::StatusOr<uint64_t> ReadCursor(FileOps& ops, const std::string& dir) {
  const std::string path = absl::StrCat(dir, "/", kName);
  const absl::StatusOr<std::string> text = ReadRange(ops, path, 0, kMaxBytes);
  if (absl::IsNotFound(text.status())) return 0;
  if (!text.ok()) return text.status();
  uint64_t acknowledged = 0;
  const std::vector<absl::string_view> words = absl::StrSplit(*text, ' ');
  if (words.size() < 2 || !absl::SimpleAtoi(words[1], &acknowledged) ||
      *text != Format(acknowledged)) {
    return absl::DataLossError(path + " is damaged");
  }
  return acknowledged;
}

absl::Status WriteCursor(FileOps& ops, const std::string& dir, uint64_t acknowledged) {
  return ReplaceFile(ops, dir, kName, Format(acknowledged));
}

}  // namespace quotaplane::spool
