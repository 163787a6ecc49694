#include "services/rpc/field_checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

// The length of the UTF-8 sequence at the front of `text` and its code point; 0 if it is malformed.
size_t DecodeFront(std::string_view text, char32_t* point) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    *point = lead;
    return 1;
  }
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  char32_t value = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const char32_t smallest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  *point = value;
  return size;
}

bool IsPlainAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

bool IsUtf8(std::string_view text) {
  char32_t point;
  while (!text.empty()) {
    const size_t size = DecodeFront(text, &point);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool HasControlCharacter(std::string_view utf8) {
  char32_t point;
  while (!utf8.empty()) {
    const size_t size = DecodeFront(utf8, &point);
    if (size == 0 || point < 0x20 || (point >= 0x7F && point < 0xA0)) return true;
    utf8.remove_prefix(size);
  }
  return false;
}

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 63 || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void FieldChecks::Violation(std::string field, std::string rule) {
  violations_.push_back({std::move(field), std::move(rule)});
}

void FieldChecks::Text(std::string_view text, std::string_view field, bool required) {
  if (text.empty()) {
    if (required) Violation(std::string(field), "is required");
    return;
  }
  if (text.size() > kMaxIdBytes) {
    Violation(std::string(field),
              absl::StrCat("has ", text.size(), " bytes; at most ", kMaxIdBytes, " are allowed"));
    return;
  }
  if (IsPlainAscii(text)) return;
  if (!IsUtf8(text)) return Violation(std::string(field), "is not valid UTF-8");
  if (HasControlCharacter(text)) {
    Violation(std::string(field), "has a control character; none is allowed");
  }
}

absl::Status FieldChecks::ToStatus() const {
  return violations_.empty() ? absl::OkStatus() : FieldError(violations_);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text.substr(0, 40)) quoted += c >= 0x20 && c < 0x7F && c != '"' ? c : '?';
  return quoted + (text.size() > 40 ? "…\"" : "\"");
}

}  // namespace quotaplane
