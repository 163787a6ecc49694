#include "libs/log/log_line.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace quotaplane {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kCut = "\xe2\x80\xa6";

// Bytes of the UTF-8 character that `text` begins with; 0: it begins with none.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t bytes = 0;
  uint32_t least = 0;
  uint32_t value = 0;
  if ((first & 0xe0) == 0xc0) {
    bytes = 2, least = 0x80, value = first & 0x1f;
  } else if ((first & 0xf0) == 0xe0) {
    bytes = 3, least = 0x800, value = first & 0x0f;
  } else if ((first & 0xf8) == 0xf0) {
    bytes = 4, least = 0x10000, value = first & 0x07;
  } else {
    return 0;
  }
  if (text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = (value << 6) | (byte(i) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return value < least || value > 0x10ffff || surrogate ? 0 : bytes;
}

// Calls `one` with each character, or with none where the bytes are no UTF-8; cuts what is too
// long.
template <typename One>
void ForEachCharacter(std::string_view text, One one) {
  size_t at = 0;
  while (at < text.size()) {
    if (at >= kMaxLogMessageBytes) return one(kCut);
    const size_t bytes = CharacterBytes(text.substr(at));
    one(bytes == 0 ? kReplacement : text.substr(at, bytes));
    at += bytes == 0 ? 1 : bytes;
  }
}

// C0, DEL and C1: what a terminal may obey.
bool IsControl(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return character.size() == 2 && first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

void AppendJson(std::string_view text, std::string* out) {
  *out += '"';
  ForEachCharacter(text, [out](std::string_view character) {
    if (character == "\"" || character == "\\") {
      *out += '\\';
      *out += character;
    } else if (character == "\n") {
      *out += "\\n";
    } else if (character.size() == 1 && IsControl(character)) {
      absl::StrAppendFormat(out, "\\u%04x", static_cast<unsigned char>(character[0]));
    } else {
      *out += character;
    }
  });
  *out += '"';
}

void AppendText(std::string_view text, std::string* out) {
  ForEachCharacter(text, [out](std::string_view character) {
    if (character == "\n") {
      *out += "\n    ";
    } else if (IsControl(character)) {
      absl::StrAppendFormat(out, "\\x%02x", static_cast<unsigned char>(character.back()));
    } else {
      *out += character;
    }
  });
}

void AppendMember(std::string_view name, std::string_view value, std::string* out) {
  *out += *out == "{" ? "" : ",";
  AppendJson(name, out);
  *out += ':';
  AppendJson(value, out);
}

std::string TimeText(int64_t time_us, const char* format, absl::TimeZone zone) {
  return absl::FormatTime(format, absl::FromUnixMicros(time_us), zone);
}

// ANSI: grey, none, yellow, red, red.
constexpr std::array<std::string_view, 5> kColours = {"\x1b[90m", "", "\x1b[33m", "\x1b[31m",
                                                      "\x1b[1;31m"};

}  // namespace

std::string JsonLine(const LogLine& line) {
  std::string json = "{";
  AppendMember("time", TimeText(line.time_us, "%Y-%m-%dT%H:%M:%E6SZ", absl::UTCTimeZone()), &json);
  AppendMember("level", LogLevelName(line.level), &json);
  AppendMember("message", line.message, &json);
  AppendMember("source", line.source, &json);
  for (const auto& [name, value] : line.fields) AppendMember(name, value, &json);
  if (line.left_out > 0) absl::StrAppend(&json, ",\"left_out\":", line.left_out);
  return json + "}";
}

std::string TextLine(const LogLine& line, bool colour) {
  std::string text = TimeText(line.time_us, "%Y-%m-%dT%H:%M:%E3S%Ez", absl::LocalTimeZone()) + " ";
  const std::string_view code = colour ? kColours[static_cast<size_t>(line.level)] : "";
  text += code;
  text += LogLevelName(line.level);
  if (!code.empty()) text += "\x1b[0m";
  text += ' ';
  AppendText(line.message, &text);
  for (const auto& [name, value] : line.fields) {
    text.append(" ").append(name).append("=");
    AppendText(value, &text);
  }
  if (line.left_out > 0) absl::StrAppend(&text, " (and ", line.left_out, " more like this)");
  return text;
}

std::string_view PathInSource(std::string_view file) {
  size_t at = 0;
  for (const std::string_view root : {"/libs/", "/services/", "/tools/", "/tests/"}) {
    if (const size_t found = file.rfind(root); found != std::string_view::npos) {
      at = std::max(at, found + 1);
    }
  }
  return file.substr(at);
}

}  // namespace quotaplane
