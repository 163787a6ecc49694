// Where telemetry is sent, as the environment of OpenTelemetry's own programs says it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct OtlpOptions {
  std::string target;  // HOST:PORT
  bool tls = false;
  std::string ca_file;  // with TLS: the authorities, a PEM file; empty: the system's
  KeyValues headers;    // with each call, names in lower case; secret
  KeyValues resource;   // service.name and so on
  absl::Duration span_interval = absl::Seconds(1);
  absl::Duration metric_interval = absl::Seconds(15);
  absl::Duration timeout = absl::Seconds(10);  // of a call
};

// Fills target and tls from http://HOST[:PORT] or https://HOST[:PORT]; port 4317 by default.
// INVALID_ARGUMENT for anything else, a path too: that is OTLP over HTTP, which is not spoken.
absl::Status SetOtlpEndpoint(std::string_view endpoint, OtlpOptions* options);

// "k=v,k2=v2", values in percent-encoding, spaces around both dropped: the form of
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES. `what` names it in errors, which do not
// repeat values: they may be secret.
absl::StatusOr<KeyValues> ParseKeyValues(std::string_view what, std::string_view text);

// The same with what gRPC takes for the name of a header: lower case, no control characters.
absl::StatusOr<KeyValues> ParseOtlpHeaders(std::string_view text);

}  // namespace quotaplane
