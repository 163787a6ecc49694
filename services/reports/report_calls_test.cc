// Report calls on a real server, with work whose length the test decides.
#include <gtest/gtest.h>
#include <quotaplane/v1/reports.grpc.pb.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "services/quota/quota_server.h"
#include "services/rpc/pooled_calls.h"

namespace quotaplane {
namespace {

constexpr char kPrefix[] = "/quotaplane.v1.ReportService/";

class ReportCallsTest : public ::testing::Test {
 protected:
  void Start() {
    QuotaServerOptions options;
    options.listen = "127.0.0.1:0";
    options.threads = 1;
    options.more.push_back({"quotaplane.v1.ReportService",
                            [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
                              AddTo(calls, events);
                            }});
    auto server = QuotaServer::Start(nullptr, nullptr, options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::ReportService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  grpc::Status Query(absl::Duration timeout = absl::Seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    v1::QueryUsageResponse response;
    return stub_->QueryUsage(&context, {}, &response);
  }

  // What the work waits for outlives the pool.
  absl::Notification started_, go_, ended_;
  std::atomic<int> runs_ = 0;
  absl::Status end_;
  std::function<absl::Status()> report_ = [] { return absl::OkStatus(); };
  std::function<absl::Status(const SendChunk&)> export_;
  absl::Duration stall_ = absl::Seconds(30);
  WorkPool pool_{1, 1};
  std::unique_ptr<QuotaServer> server_;
  std::unique_ptr<v1::ReportService::Stub> stub_;

 private:
  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
    calls->Add(std::string(kPrefix) + "QueryUsage", [this, events](StreamCall* call) {
      const auto prepare = [this](grpc::ByteBuffer*, const Caller&) -> absl::StatusOr<AnswerWork> {
        return AnswerWork([this]() -> absl::StatusOr<std::unique_ptr<google::protobuf::Message>> {
          const absl::Status status = report_();
          if (!status.ok()) return status;
          return std::unique_ptr<google::protobuf::Message>(new v1::QueryUsageResponse());
        });
      };
      return HandleAnswer(prepare, &pool_, events, call);
    });
    calls->Add(std::string(kPrefix) + "ExportUsage", [this, events](StreamCall* call) {
      const auto prepare = [this](grpc::ByteBuffer*, const Caller&) -> absl::StatusOr<StreamWork> {
        return StreamWork(export_);
      };
      return HandleStream(prepare, &pool_, events, call, stall_);
    });
  }
};

TEST_F(ReportCallsTest, AnswersAndErrorsComeThrough) {
  Start();
  EXPECT_TRUE(Query().ok());
  report_ = [] { return absl::OutOfRangeError("too much"); };
  EXPECT_EQ(Query().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(ReportCallsTest, MoreThanThePoolTakesIsRefused) {
  report_ = [&] {
    if (runs_++ == 0) started_.Notify();
    go_.WaitForNotification();
    return absl::OkStatus();
  };
  Start();
  std::thread first([&] { EXPECT_TRUE(Query().ok()); });
  started_.WaitForNotification();
  // One waits in the queue until its client is gone; it is never worked on.
  EXPECT_EQ(Query(absl::Milliseconds(100)).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Query().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  go_.Notify();
  first.join();
  while (!Query().ok()) std::this_thread::yield();  // the queue has been emptied
  EXPECT_EQ(runs_, 2);
}

TEST_F(ReportCallsTest, AReportUnderWayMayEndWhileTheServerDrains) {
  report_ = [&] {
    // A call that was given up below may have its turn before it is known that nobody waits.
    if (runs_++ == 0) started_.Notify();
    go_.WaitForNotification();
    return absl::OkStatus();
  };
  Start();
  std::thread client([&] { EXPECT_TRUE(Query().ok()); });
  started_.WaitForNotification();
  std::thread drain([&] { server_->Drain(absl::Seconds(20)); });
  // Until then it takes calls, which wait for the one under way, or are refused.
  while (Query(absl::Milliseconds(20)).error_code() != grpc::StatusCode::UNAVAILABLE) continue;
  go_.Notify();
  client.join();
  drain.join();
}

TEST_F(ReportCallsTest, ADrainDoesNotWaitForWorkThatDoesNotEnd) {
  report_ = [&] {
    started_.Notify();
    go_.WaitForNotification();
    return absl::OkStatus();
  };
  Start();
  std::thread client([&] { EXPECT_FALSE(Query().ok()); });
  started_.WaitForNotification();
  server_->Drain(absl::ZeroDuration());
  client.join();
  server_.reset();
  // The queue is gone: what the work says now goes nowhere.
  go_.Notify();
}

TEST_F(ReportCallsTest, ChunksComeInOrderWhateverThePace) {
  export_ = [](const SendChunk& send) -> absl::Status {
    for (int i = 0; i < 500; ++i) {
      auto chunk = std::make_unique<v1::ExportUsageResponse>();
      chunk->set_entries(i);
      chunk->set_data(std::string(10'000, 'x'));
      if (absl::Status sent = send(std::move(chunk)); !sent.ok()) return sent;
    }
    return absl::DataLossError("at the end");
  };
  Start();
  grpc::ClientContext context;
  const auto stream = stub_->ExportUsage(&context, {});
  v1::ExportUsageResponse chunk;
  int64_t next = 0;
  while (stream->Read(&chunk)) EXPECT_EQ(chunk.entries(), next++);
  EXPECT_EQ(next, 500);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
}

TEST_F(ReportCallsTest, AClientThatDoesNotReadIsCutOff) {
  stall_ = absl::Milliseconds(200);
  export_ = [&](const SendChunk& send) {
    const auto chunk = [] {
      auto made = std::make_unique<v1::ExportUsageResponse>();
      made->set_data(std::string(1 << 20, 'x'));
      return made;
    };
    while ((end_ = send(chunk())).ok()) continue;
    absl::Status sent = end_;
    ended_.Notify();
    return sent;
  };
  Start();
  grpc::ClientContext context;
  const auto stream = stub_->ExportUsage(&context, {});
  v1::ExportUsageResponse chunk;
  ASSERT_TRUE(stream->Read(&chunk));  // and no more
  ended_.WaitForNotification();
  EXPECT_TRUE(absl::IsCancelled(end_)) << end_;
  while (stream->Read(&chunk)) continue;
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace quotaplane
