#include "services/otlp/otlp_exporter.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <opentelemetry/proto/collector/metrics/v1/metrics_service.grpc.pb.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "services/otlp/otlp_convert.h"

namespace quotaplane {
namespace {

namespace collector = otlp::collector;

constexpr absl::Duration kPatience = absl::Seconds(30);

// A collector that answers as it is told.
class Collector final : public collector::trace::v1::TraceService::Service,
                        public collector::metrics::v1::MetricsService::Service {
 public:
  explicit Collector(int port = 0) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(static_cast<collector::trace::v1::TraceService::Service*>(this));
    builder.RegisterService(static_cast<collector::metrics::v1::MetricsService::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  ~Collector() override {
    absl::MutexLock lock(&mutex_);
    hang_ = false;
  }

  int port() const { return port_; }
  bool started() const { return server_ != nullptr; }
  void Answer(grpc::Status status) {
    absl::MutexLock lock(&mutex_);
    answer_ = std::move(status);
  }
  void Hang(bool hang) {
    absl::MutexLock lock(&mutex_);
    hang_ = hang;
  }
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

  int64_t calls() {
    absl::MutexLock lock(&mutex_);
    return calls_;
  }
  std::vector<std::string> spans() {
    absl::MutexLock lock(&mutex_);
    return spans_;
  }
  std::vector<std::string> metrics() {
    absl::MutexLock lock(&mutex_);
    return metrics_;
  }
  std::string token() {
    absl::MutexLock lock(&mutex_);
    return token_;
  }

 private:
  grpc::Status Export(grpc::ServerContext* context,
                      const collector::trace::v1::ExportTraceServiceRequest* request,
                      collector::trace::v1::ExportTraceServiceResponse*) override {
    absl::MutexLock lock(&mutex_);
    ++calls_;
    while (hang_ && !context->IsCancelled()) {
      mutex_.AwaitWithTimeout(absl::Condition(
                                  +[](bool* hang) { return !*hang; }, &hang_),
                              absl::Milliseconds(5));
    }
    if (!answer_.ok()) return answer_;
    const auto header = context->client_metadata().find("authorization");
    if (header != context->client_metadata().end()) {
      token_.assign(header->second.data(), header->second.size());
    }
    for (const auto& span : request->resource_spans(0).scope_spans(0).spans()) {
      spans_.push_back(span.name());
    }
    return grpc::Status::OK;
  }
  grpc::Status Export(grpc::ServerContext*,
                      const collector::metrics::v1::ExportMetricsServiceRequest* request,
                      collector::metrics::v1::ExportMetricsServiceResponse*) override {
    absl::MutexLock lock(&mutex_);
    if (!answer_.ok()) return answer_;
    for (const auto& metric : request->resource_metrics(0).scope_metrics(0).metrics()) {
      metrics_.push_back(metric.name());
    }
    return grpc::Status::OK;
  }

  absl::Mutex mutex_;
  grpc::Status answer_;
  bool hang_ = false;
  int64_t calls_ = 0;
  std::vector<std::string> spans_;
  std::vector<std::string> metrics_;
  std::string token_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class OtlpExporterTest : public testing::Test {
 protected:
  static OtlpOptions OptionsFor(int port) {
    OtlpOptions options;
    options.target = absl::StrCat("127.0.0.1:", port);
    options.headers = {{"authorization", "Bearer t"}};
    options.resource = {{"service.name", "quotaplane"}};
    options.span_interval = absl::Milliseconds(10);
    options.metric_interval = absl::Milliseconds(30);
    return options;
  }
  std::unique_ptr<OtlpExporter> Export(const OtlpOptions& options) {
    auto exporter = OtlpExporter::Start(
        options, &spans_, {[] {
          return std::vector<metrics::Family>{{"up", metrics::Family::Type::kGauge, "", {{1}}}};
        }});
    EXPECT_TRUE(exporter.ok()) << exporter.status();
    return exporter.ok() ? *std::move(exporter) : nullptr;
  }
  void AddSpan(std::string name) {
    tracing::Span span;
    span.name = std::move(name);
    spans_.Add(std::move(span));
  }

  tracing::SpanBuffer spans_{2000};
};

TEST_F(OtlpExporterTest, SendsSpansInOrderAndMetricsAllTheTime) {
  Collector collector;
  ASSERT_TRUE(collector.started());
  const auto exporter = Export(OptionsFor(collector.port()));
  std::vector<std::string> names;
  for (int i = 0; i < 1500; ++i) {
    names.push_back(absl::StrCat("span ", i));
    AddSpan(names.back());
  }
  ASSERT_TRUE(
      fixtures::PollUntil(kPatience, [&] { return collector.spans().size() == names.size(); }));
  EXPECT_EQ(collector.spans(), names);
  EXPECT_EQ(collector.token(), "Bearer t");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return collector.metrics().size() >= 2; }));
  EXPECT_EQ(collector.metrics()[0], "up");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return exporter->stats().sent_spans == 1500; }));
}

TEST_F(OtlpExporterTest, SendsAgainWhatMayPassAndLosesNothing) {
  Collector collector;
  collector.Answer({grpc::UNAVAILABLE, "restarting"});
  const auto exporter = Export(OptionsFor(collector.port()));
  AddSpan("one");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return exporter->stats().away; }));
  EXPECT_TRUE(collector.spans().empty());
  collector.Answer(grpc::Status::OK);
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return collector.spans().size() == 1; }));
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return !exporter->stats().away; }));
  EXPECT_EQ(exporter->stats().lost_spans, 0);
}

TEST_F(OtlpExporterTest, GivesUpWhatTheCollectorWillNeverTake) {
  Collector collector;
  collector.Answer({grpc::INVALID_ARGUMENT, "no"});
  const auto exporter = Export(OptionsFor(collector.port()));
  AddSpan("one");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return exporter->stats().lost_spans == 1; }));
  collector.Answer(grpc::Status::OK);
  AddSpan("two");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return !collector.spans().empty(); }));
  EXPECT_EQ(collector.spans(), (std::vector<std::string>{"two"}));
}

TEST_F(OtlpExporterTest, ACollectorThatComesLaterIsFound) {
  int port = 0;
  {
    Collector collector;
    port = collector.port();
    collector.Stop();
  }
  const auto exporter = Export(OptionsFor(port));
  AddSpan("one");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return exporter->stats().away; }));
  Collector collector(port);
  ASSERT_TRUE(collector.started());
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return collector.spans().size() == 1; }));
}

TEST_F(OtlpExporterTest, TheEndSendsWhatWaits) {
  Collector collector;
  OtlpOptions options = OptionsFor(collector.port());
  options.span_interval = absl::Hours(1);
  options.metric_interval = absl::Hours(1);
  auto exporter = Export(options);
  // The first round finds nothing, and the next is in an hour.
  AddSpan("one");
  AddSpan("two");
  exporter.reset();
  EXPECT_EQ(collector.spans(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(collector.metrics(), (std::vector<std::string>{"up"}));
}

TEST_F(OtlpExporterTest, ACollectorThatHangsHoldsNobodyUp) {
  Collector collector;
  collector.Hang(true);
  OtlpOptions options = OptionsFor(collector.port());
  options.timeout = absl::Minutes(10);
  auto exporter = Export(options);
  AddSpan("one");
  ASSERT_TRUE(fixtures::PollUntil(kPatience, [&] { return collector.calls() == 1; }));
  for (int i = 0; i < 3000; ++i) AddSpan("more");
  EXPECT_GE(spans_.stats().dropped, 1000);
  const absl::Time before = absl::Now();
  exporter.reset();
  EXPECT_LT(absl::Now() - before, absl::Seconds(30)) << "not the ten minutes of a call";
}

TEST_F(OtlpExporterTest, AuthoritiesThatCannotBeReadAreRefusedByName) {
  OtlpOptions options = OptionsFor(1);
  options.tls = true;
  options.ca_file = "/nonexistent/ca.pem";
  const auto exporter = OtlpExporter::Start(options, &spans_, {});
  ASSERT_FALSE(exporter.ok());
  EXPECT_NE(exporter.status().message().find("otlp certificate"), absl::string_view::npos);
}

}  // namespace
}  // namespace quotaplane
