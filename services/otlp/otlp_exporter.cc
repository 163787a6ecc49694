#include "services/otlp/otlp_exporter.h"

#include <grpcpp/grpcpp.h>
#include <opentelemetry/proto/collector/metrics/v1/metrics_service.grpc.pb.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/mutex.h"
#include "libs/log/log.h"
#include "services/otlp/otlp_convert.h"

namespace quotaplane {
namespace {

using otlp::collector::metrics::v1::ExportMetricsServiceRequest;
using otlp::collector::metrics::v1::ExportMetricsServiceResponse;
using otlp::collector::metrics::v1::MetricsService;
using otlp::collector::trace::v1::ExportTraceServiceResponse;
using otlp::collector::trace::v1::TraceService;

constexpr size_t kBatch = 512;  // spans of a call
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kFarewell = absl::Seconds(2);

// Those by which OTLP says "again, later".
bool MayPass(grpc::StatusCode code) {
  switch (code) {
    case grpc::CANCELLED:
    case grpc::DEADLINE_EXCEEDED:
    case grpc::RESOURCE_EXHAUSTED:
    case grpc::ABORTED:
    case grpc::OUT_OF_RANGE:
    case grpc::UNAVAILABLE:
    case grpc::DATA_LOSS:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelTo(const OtlpOptions& options) {
  if (!options.tls) {
    return grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials());
  }
  grpc::SslCredentialsOptions tls;
  if (!options.ca_file.empty()) {
    std::ifstream file(options.ca_file, std::ios::binary);
    tls.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.good() && tls.pem_root_certs.empty()) {
      return FieldError({{"otlp certificate", "cannot be read: " + options.ca_file}});
    }
  }
  return grpc::CreateChannel(options.target, grpc::SslCredentials(tls));
}

}  // namespace

class OtlpExporter::Loop {
 public:
  Loop(OtlpOptions options, const std::shared_ptr<grpc::Channel>& channel,
       tracing::SpanBuffer* spans, std::vector<metrics::Collector> collectors)
      : options_(std::move(options)),
        spans_(spans),
        collectors_(std::move(collectors)),
        traces_(TraceService::NewStub(channel)),
        metrics_(MetricsService::NewStub(channel)),
        start_(absl::Now()),
        thread_([this] { Run(); }) {}

  ~Loop() {
    {
      const MutexLock lock(mutex_);
      stop_.Notify();
      if (under_way_ != nullptr) under_way_->TryCancel();
    }
    thread_.join();
  }

  Stats stats() const { return {sent_spans_, lost_spans_, failures_, away_}; }

 private:
  void Run() {
    absl::Duration pause = kFirstPause;
    absl::Time next_metrics = start_ + options_.metric_interval;
    while (!stop_.HasBeenNotified()) {
      const bool due = absl::Now() >= next_metrics;
      const bool sent = SendSpans() && (!due || SendMetrics(options_.timeout));
      // Metrics are cumulative: one that was not sent is in the next.
      if (due) next_metrics = absl::Now() + options_.metric_interval;
      stop_.WaitForNotificationWithTimeout(sent ? options_.span_interval : pause);
      pause = sent ? kFirstPause : std::min(2 * pause, kLongestPause);
    }
    // The last seconds, as far as a collector that is there takes them at once.
    if (away_) return;
    leaving_ = true;
    if (batch_.empty()) batch_ = spans_->Take(kBatch);
    if (SendBatch(kFarewell)) SendMetrics(kFarewell);
  }

  // All that waits. False: the collector is away.
  bool SendSpans() {
    while (!stop_.HasBeenNotified()) {
      if (batch_.empty()) batch_ = spans_->Take(kBatch);
      if (batch_.empty()) return true;
      if (!SendBatch(options_.timeout)) return false;
    }
    return true;
  }

  bool SendBatch(absl::Duration timeout) {
    if (batch_.empty()) return true;
    ExportTraceServiceResponse response;
    const grpc::Status status = Call(timeout, [&](grpc::ClientContext* context) {
      return traces_->Export(context, ToOtlp(batch_, options_.resource), &response);
    });
    const auto count = static_cast<int64_t>(batch_.size());
    if (status.ok()) {
      const int64_t rejected =
          std::clamp<int64_t>(response.partial_success().rejected_spans(), 0, count);
      sent_spans_ += count - rejected;
      lost_spans_ += rejected;
    } else if (MayPass(status.error_code())) {
      return false;
    } else {
      lost_spans_ += count;
    }
    batch_.clear();
    return true;
  }

  bool SendMetrics(absl::Duration timeout) {
    std::vector<metrics::Family> families;
    for (const metrics::Collector& collector : collectors_) {
      std::vector<metrics::Family> more = collector();
      std::move(more.begin(), more.end(), std::back_inserter(families));
    }
    const ExportMetricsServiceRequest request = ToOtlp(
        families, absl::ToUnixNanos(start_), absl::ToUnixNanos(absl::Now()), options_.resource);
    ExportMetricsServiceResponse response;
    return Call(timeout,
                [&](grpc::ClientContext* context) {
                  return metrics_->Export(context, request, &response);
                })
        .ok();
  }

  template <typename Export>
  grpc::Status Call(absl::Duration timeout, Export export_it) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    for (const auto& [name, value] : options_.headers) context.AddMetadata(name, value);
    {
      const MutexLock lock(mutex_);
      if (!leaving_) {
        if (stop_.HasBeenNotified()) return {grpc::CANCELLED, "the process stops"};
        under_way_ = &context;
      }
    }
    const grpc::Status status = export_it(&context);
    {
      const MutexLock lock(mutex_);
      under_way_ = nullptr;
    }
    // Broken off by the destructor: that says nothing about the collector.
    if (!leaving_ && stop_.HasBeenNotified()) return status;
    if (!status.ok()) {
      ++failures_;
      // Once for each outage. The message is the collector's.
      if (!away_.exchange(true)) {
        LogWarning("telemetry is not taken by {}: {}", options_.target, status.error_message());
      }
    } else if (away_.exchange(false)) {
      LogInfo("telemetry is taken again by {}", options_.target);
    }
    return status;
  }

  const OtlpOptions options_;
  tracing::SpanBuffer* const spans_;
  const std::vector<metrics::Collector> collectors_;
  const std::unique_ptr<TraceService::Stub> traces_;
  const std::unique_ptr<MetricsService::Stub> metrics_;
  const absl::Time start_;
  std::vector<tracing::Span> batch_;  // under way, or to be sent again
  bool leaving_ = false;              // the last calls, which nobody breaks off
  std::atomic<int64_t> sent_spans_ = 0, lost_spans_ = 0, failures_ = 0;
  std::atomic<bool> away_ = false;
  Mutex mutex_;
  grpc::ClientContext* under_way_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Notification stop_;
  std::thread thread_;  // last: it uses the rest
};

absl::StatusOr<std::unique_ptr<OtlpExporter>> OtlpExporter::Start(
    OtlpOptions options, tracing::SpanBuffer* spans, std::vector<metrics::Collector> collectors) {
  auto channel = ChannelTo(options);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<OtlpExporter>(new OtlpExporter(
      std::make_unique<Loop>(std::move(options), *channel, spans, std::move(collectors))));
}

OtlpExporter::OtlpExporter(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

OtlpExporter::~OtlpExporter() = default;

OtlpExporter::Stats OtlpExporter::stats() const { return loop_->stats(); }

}  // namespace quotaplane
