#include "tools/quotactl/follow.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "quotaplane/v1/alerts.grpc.pb.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

grpc::Status Reasoned(grpc::StatusCode code, const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  google::rpc::Status details;
  details.set_code(code);
  details.add_details()->PackFrom(info);
  return grpc::Status(code, "so it is", details.SerializeAsString());
}

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "gone");
const grpc::Status kRefused(grpc::StatusCode::PERMISSION_DENIED, "no longer");
const absl::Duration kShort = absl::Milliseconds(1);

TEST(Reopening, NotBeforeAStreamHasComeAbout) {
  Reopening reopening;
  EXPECT_FALSE(reopening.IsWorthIt(kAway, kShort));
  EXPECT_TRUE(reopening.IsWorthIt(kAway, absl::Minutes(1)));
  EXPECT_TRUE(reopening.IsWorthIt(kAway, kShort));
}

TEST(Reopening, NotWhereItWouldFareNoBetter) {
  Reopening reopening;
  reopening.Took();
  EXPECT_FALSE(reopening.IsWorthIt(kRefused, kShort));
  EXPECT_TRUE(
      reopening.IsWorthIt(Reasoned(grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY"), kShort));
  EXPECT_TRUE(reopening.IsWorthIt(grpc::Status::OK, kShort));
}

TEST(Reopening, TellsOnceThatTheServerIsAway) {
  Reopening reopening;
  reopening.Took();
  testing::internal::CaptureStderr();
  EXPECT_TRUE(reopening.IsWorthIt(Reasoned(grpc::StatusCode::UNAVAILABLE, "WATCH_ENDED"), kShort));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_TRUE(reopening.IsWorthIt(kAway, kShort));
  EXPECT_TRUE(reopening.IsWorthIt(kAway, kShort));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "the server went away; trying again\n");
  reopening.Took();
  testing::internal::CaptureStderr();
  EXPECT_TRUE(reopening.IsWorthIt(kAway, kShort));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "the server went away; trying again\n");
}

// Answers each call with the next of its streams.
class Watched final : public v1::AlertService::Service {
 public:
  std::deque<std::pair<std::vector<int64_t>, grpc::Status>> streams;
  std::vector<int64_t> asked;

 private:
  grpc::Status WatchAlerts(grpc::ServerContext*, const v1::WatchAlertsRequest* request,
                           grpc::ServerWriter<v1::Alert>* writer) override {
    asked.push_back(request->after_sequence());
    const auto [sequences, status] = streams.front();
    streams.pop_front();
    for (const int64_t sequence : sequences) {
      v1::Alert alert;
      alert.set_sequence(sequence);
      writer->Write(alert);
    }
    return status;
  }
};

class FollowTest : public testing::Test {
 protected:
  // The exit code.
  int Run(int64_t fail_at = -1) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    const client::Connection connection(absl::StrCat("127.0.0.1:", port), absl::Seconds(10));
    v1::WatchAlertsRequest request;
    testing::internal::CaptureStderr();
    const int code = Follow<v1::Alert>(
        Globals(), connection,
        [&](grpc::ClientContext* context) {
          return connection.alerts()->WatchAlerts(context, request);
        },
        [&](const v1::Alert& alert) {
          taken_.push_back(alert.sequence());
          request.set_after_sequence(alert.sequence());
          return alert.sequence() == fail_at ? absl::UnavailableError("stdout: full")
                                             : absl::OkStatus();
        },
        kShort);
    said_ = testing::internal::GetCapturedStderr();
    return code;
  }

  Watched service_;
  std::vector<int64_t> taken_;
  std::string said_;
};

TEST_F(FollowTest, GoesOnFromWhereItWas) {
  service_.streams = {{{1, 2}, Reasoned(grpc::StatusCode::UNAVAILABLE, "WATCH_ENDED")},
                      {{}, kAway},
                      {{5}, kAway},
                      {{6}, kRefused}};
  EXPECT_EQ(Run(), client::kFailed);
  EXPECT_THAT(taken_, ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(service_.asked, ElementsAre(0, 2, 2, 5));
  EXPECT_THAT(said_, HasSubstr("PERMISSION_DENIED: no longer"));
}

TEST_F(FollowTest, EndsAtOnceWhereItCannotBegin) {
  service_.streams = {{{}, kRefused}};
  EXPECT_EQ(Run(), client::kFailed);
  EXPECT_THAT(service_.asked, ElementsAre(0));
}

TEST_F(FollowTest, EndsWhereAMessageCannotBeTaken) {
  service_.streams = {{{1, 2, 3}, kAway}};
  EXPECT_EQ(Run(2), client::kFailed);
  EXPECT_THAT(taken_, ElementsAre(1, 2));
  EXPECT_EQ(said_, "stdout: full\n");
}

}  // namespace
}  // namespace quotaplane::quotactl
