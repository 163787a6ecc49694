#include "libs/tracing/trace_context.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::tracing {
namespace {

constexpr size_t kLength = 55;  // of version 00
constexpr size_t kPacked = 16 + 8 + 1;
constexpr uint8_t kSampled = 1;

// Of a lower-case digit, which alone is allowed; -1 otherwise.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// False where there is anything but lower-case hexadecimal.
bool ReadHex(std::string_view text, uint8_t* out) {
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]);
    const int low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out[i / 2] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

template <typename Id>
bool IsZero(const Id& id) {
  return std::all_of(id.begin(), id.end(), [](uint8_t byte) { return byte == 0; });
}

template <typename Id>
std::string_view Bytes(const Id& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

}  // namespace

std::optional<TraceContext> ParseTraceParent(std::string_view header) {
  if (header.size() < kLength) return std::nullopt;
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  uint8_t version = 0;
  uint8_t flags = 0;
  TraceContext context;
  if (!ReadHex(header.substr(0, 2), &version) ||
      !ReadHex(header.substr(3, 32), context.trace_id.data()) ||
      !ReadHex(header.substr(36, 16), context.span_id.data()) ||
      !ReadHex(header.substr(53, 2), &flags)) {
    return std::nullopt;
  }
  if (version == 0xff) return std::nullopt;
  const bool longer = header.size() > kLength;
  if (longer && (version == 0 || header[kLength] != '-')) return std::nullopt;
  if (IsZero(context.trace_id) || IsZero(context.span_id)) return std::nullopt;
  context.sampled = (flags & kSampled) != 0;
  return context;
}

std::string FormatTraceParent(const TraceContext& context) {
  const auto hex = [](std::string_view bytes) {
    return absl::BytesToHexString({bytes.data(), bytes.size()});
  };
  return absl::StrCat("00-", hex(Bytes(context.trace_id)), "-", hex(Bytes(context.span_id)),
                      context.sampled ? "-01" : "-00");
}

std::string PackTraceContext(const TraceContext& context) {
  std::string bytes;
  bytes.reserve(kPacked);
  bytes.append(Bytes(context.trace_id));
  bytes.append(Bytes(context.span_id));
  bytes.push_back(context.sampled ? 1 : 0);
  return bytes;
}

std::optional<TraceContext> UnpackTraceContext(std::string_view bytes) {
  if (bytes.size() != kPacked) return std::nullopt;
  TraceContext context;
  std::copy_n(bytes.begin(), 16, context.trace_id.begin());
  std::copy_n(bytes.begin() + 16, 8, context.span_id.begin());
  context.sampled = bytes.back() == 1;
  if (IsZero(context.trace_id) || IsZero(context.span_id)) return std::nullopt;
  return context;
}

}  // namespace quotaplane::tracing
