#include "services/otlp/otlp_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

constexpr char kEndpoint[] = "otlp endpoint";
constexpr int kDefaultPort = 4317;

absl::Status BadEndpoint(std::string_view why) {
  return FieldError({{kEndpoint, std::string(why)}});
}

// Nothing where an escape is broken.
absl::StatusOr<std::string> PercentDecode(std::string_view what, std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    uint32_t byte = 0;
    if (i + 2 >= text.size() || !absl::SimpleHexAtoi(AbslView(text.substr(i + 1, 2)), &byte) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1]))) {
      return FieldError({{std::string(what), "has a % without two hexadecimal digits behind it"}});
    }
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

std::string Trimmed(absl::string_view text) {
  return std::string(absl::StripAsciiWhitespace(text));
}

// What gRPC takes for the name of a text header.
bool IsHeaderName(std::string_view name) {
  const auto allowed = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), allowed) &&
         !name.starts_with("grpc-") && !name.ends_with("-bin");
}

bool IsHeaderValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace

absl::Status SetOtlpEndpoint(std::string_view endpoint, OtlpOptions* options) {
  std::string_view rest = endpoint;
  if (rest.starts_with("https://")) {
    options->tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    options->tls = false;
    rest.remove_prefix(7);
  } else {
    return BadEndpoint("is http://HOST:PORT or https://HOST:PORT");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty()) return BadEndpoint("names no host");
  if (rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos) {
    return BadEndpoint("is HOST:PORT of a collector's gRPC receiver, without a path or a user");
  }
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  if (!has_port) {
    options->target = absl::StrCat(AbslView(rest), ":", kDefaultPort);
    return absl::OkStatus();
  }
  int port = 0;
  if (colon == 0 || !absl::SimpleAtoi(AbslView(rest.substr(colon + 1)), &port) || port < 1 ||
      port > 65535) {
    return BadEndpoint("has a port that is not in 1..65535, or no host");
  }
  options->target = rest;
  return absl::OkStatus();
}

absl::StatusOr<KeyValues> ParseKeyValues(std::string_view what, std::string_view text) {
  KeyValues parsed;
  for (const absl::string_view piece : absl::StrSplit(AbslView(text), ',')) {
    if (absl::StripAsciiWhitespace(piece).empty()) continue;
    const std::pair<absl::string_view, absl::string_view> sides =
        absl::StrSplit(piece, absl::MaxSplits('=', 1));
    const std::string key = Trimmed(sides.first);
    if (key.empty() || piece.find('=') == absl::string_view::npos) {
      return FieldError({{std::string(what), "is KEY=VALUE,KEY=VALUE"}});
    }
    absl::StatusOr<std::string> value = PercentDecode(what, Trimmed(sides.second));
    if (!value.ok()) return value.status();
    parsed.emplace_back(key, *std::move(value));
  }
  return parsed;
}

absl::StatusOr<KeyValues> ParseOtlpHeaders(std::string_view text) {
  constexpr std::string_view kWhat = "otlp headers";
  absl::StatusOr<KeyValues> headers = ParseKeyValues(kWhat, text);
  if (!headers.ok()) return headers;
  for (auto& [name, value] : *headers) {
    absl::AsciiStrToLower(&name);
    if (!IsHeaderName(name)) {
      return FieldError({{std::string(kWhat), "has a name that is no gRPC header's"}});
    }
    if (!IsHeaderValue(value)) {
      return FieldError(
          {{std::string(kWhat), absl::StrCat("the value of ", name, " is not printable ASCII")}});
    }
  }
  return headers;
}

}  // namespace quotaplane
