#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "libs/testing/fatal.h"
#include "quotaplane/v1/reports.grpc.pb.h"
#include "tests/bench/ledger/ledger.h"
#include "tests/bench/ledger/usage.h"
#include "tests/bench/program.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kReports = 21;
constexpr std::chrono::minutes kPatience(30);

double Ms(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

template <typename Request>
Request OfTheMonth() {
  Request request;
  request.set_org(kReportedOrg);
  request.mutable_from_time()->set_seconds(kMonthStartUs / 1'000'000);
  request.mutable_to_time()->set_seconds(kMonthEndUs / 1'000'000);
  return request;
}

void Must(const grpc::Status& status) {
  if (!status.ok()) fixtures::Fatal(absl::StrCat("the reports' server: ", status.error_message()));
}

double TimeReport(v1::ReportService::Stub& stub, v1::QueryUsageResponse* response) {
  auto request = OfTheMonth<v1::QueryUsageRequest>();
  request.add_group_by("team");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const Clock::time_point begin = Clock::now();
  Must(stub.QueryUsage(&context, request, response));
  return Ms(Clock::now() - begin);
}

void Export(v1::ReportService::Stub& stub, Month* month) {
  auto request = OfTheMonth<v1::ExportUsageRequest>();
  request.set_format(v1::EXPORT_FORMAT_CSV);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  std::atomic<int64_t> entries = 0;
  const terminal::Progress progress(
      [&] { return absl::StrCat("exporting: ", terminal::FormatCount(entries), " entries"); });
  const Clock::time_point begin = Clock::now();
  const std::unique_ptr<grpc::ClientReader<v1::ExportUsageResponse>> reader =
      stub.ExportUsage(&context, request);
  bool last = false;
  for (v1::ExportUsageResponse chunk; reader->Read(&chunk);) {
    month->export_bytes += static_cast<int64_t>(chunk.data().size());
    entries = chunk.entries();
    last = chunk.last();
  }
  Must(reader->Finish());
  if (!last) fixtures::Fatal("the export ended before its last chunk");
  month->entries = entries;
  month->export_s = Ms(Clock::now() - begin) / 1e3;
}

}  // namespace

Month MeasureMonth(const std::string& program, const std::string& ledger_url) {
  Program server(program, {"--roles", "reports", "--ledger", ledger_url});
  const std::unique_ptr<v1::ReportService::Stub> stub = v1::ReportService::NewStub(
      grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()));
  Month month;
  v1::QueryUsageResponse response;
  month.first_ms = TimeReport(*stub, &response);
  for (int i = 0; i < kReports; ++i) month.report_ms.push_back(TimeReport(*stub, &response));
  month.teams = response.total_rows();
  month.load_average = LoadAverage();
  Export(*stub, &month);
  month.export_rss_mib = PeakRssMib(server.pid());
  server.Stop();
  return month;
}

}  // namespace quotaplane::bench
