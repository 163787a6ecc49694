#include "services/quotaplane/telemetry.h"

#include <algorithm>
#include <string>
#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

bool Has(const KeyValues& pairs, std::string_view key) {
  return std::any_of(pairs.begin(), pairs.end(),
                     [key](const auto& pair) { return pair.first == key; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Telemetry>> Telemetry::Load(const ServeOptions& options,
                                                           const std::string& instance) {
  std::unique_ptr<Telemetry> telemetry(new Telemetry());
  if (options.otlp_endpoint.empty()) return telemetry;
  OtlpOptions otlp;
  QP_RETURN_IF_ERROR(SetOtlpEndpoint(options.otlp_endpoint, &otlp));
  QP_ASSIGN_OR_RETURN(otlp.headers, ParseOtlpHeaders(options.otlp_headers));
  QP_ASSIGN_OR_RETURN(otlp.resource,
                      ParseKeyValues("otlp resource attributes", options.otlp_resource));
  otlp.ca_file = options.otlp_ca;
  if (!Has(otlp.resource, "service.name")) {
    otlp.resource.emplace_back("service.name", "quotaplane");
  }
  if (!Has(otlp.resource, "service.instance.id")) {
    otlp.resource.emplace_back("service.instance.id", instance);
  }
  telemetry->options_ = std::move(otlp);
  telemetry->tracer_.emplace(options.trace_share, &telemetry->spans_);
  return telemetry;
}

absl::StatusOr<std::unique_ptr<OtlpExporter>> Telemetry::Export(
    std::vector<metrics::Collector> collectors) {
  if (!options_.has_value()) return nullptr;
  return OtlpExporter::Start(*options_, &spans_, std::move(collectors));
}

std::vector<metrics::Family> Telemetry::Metrics(const OtlpExporter* exporter) const {
  if (exporter == nullptr) return {};
  using metrics::Family;
  const OtlpExporter::Stats sent = exporter->stats();
  const auto outcome = [](const char* name, int64_t count) {
    return metrics::Sample{static_cast<double>(count), {{"outcome", name}}};
  };
  return {
      {"quotaplane_trace_spans_total",
       Family::Type::kCounter,
       "Spans that were sampled: sent to the collector, lost on the way (refused, or given up), "
       "or dropped since too many waited.",
       {outcome("sent", sent.sent_spans), outcome("lost", sent.lost_spans),
        outcome("dropped", spans_.stats().dropped)}},
      {"quotaplane_telemetry_up",
       Family::Type::kGauge,
       "1: the collector took what it was sent last; 0: it did not.",
       {{sent.away ? 0.0 : 1.0}}}};
}

}  // namespace quotaplane
