#include "services/rpc/request_id.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "libs/base/absl_view.h"
#include "libs/base/random.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxIdBytes = 64;
constexpr size_t kTraceIdBytes = 32;

// Empty unless there is exactly one.
std::string_view OnlyValue(const grpc::ServerContextBase& context, const char* key) {
  const auto [begin, end] = context.client_metadata().equal_range(key);
  if (begin == end || std::next(begin) != end) return {};
  return {begin->second.data(), begin->second.size()};
}

bool IsId(std::string_view text) {
  if (text.empty() || text.size() > kMaxIdBytes) return false;
  // Tokens, keys and JWTs that came into the wrong field stay out of the log.
  for (const std::string_view credential : {"qpt_", "qpk_", "eyJ"}) {
    if (text.find(credential) != std::string_view::npos) return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == ':' ||
           c == '-';
  });
}

// "00-TRACE-SPAN-FLAGS" -> TRACE; empty where it is none.
std::string_view TraceIdOf(std::string_view parent) {
  constexpr size_t kParentBytes = 55;
  if (parent.size() < kParentBytes || !absl::StartsWith(AbslView(parent), "00-") ||
      parent[3 + kTraceIdBytes] != '-') {
    return {};
  }
  const std::string_view id = parent.substr(3, kTraceIdBytes);
  const bool hex = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  const bool zero = id.find_first_not_of('0') == std::string_view::npos;
  return hex && !zero ? id : std::string_view();
}

}  // namespace

std::string RequestIdOf(const grpc::ServerContextBase& context) {
  if (const std::string_view own = OnlyValue(context, kRequestIdKey); IsId(own)) {
    return std::string(own);
  }
  const std::string_view trace = TraceIdOf(OnlyValue(context, "traceparent"));
  if (!trace.empty()) return std::string(trace);
  const Digest made = RandomDigest();
  return absl::BytesToHexString(AbslView(made.view()));
}

}  // namespace quotaplane
