#include "services/rpc/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quotaplane/v1/admin.pb.h>
#include <quotaplane/v1/alerts.pb.h>
#include <quotaplane/v1/books.pb.h>
#include <quotaplane/v1/internal/ping.pb.h>
#include <quotaplane/v1/quota.pb.h>
#include <quotaplane/v1/reports.pb.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/rpc/parse_request.h"

namespace quotaplane {
namespace {

using google::protobuf::FileDescriptor;
using Kind = RequestScope::Kind;
using ::testing::IsEmpty;

TEST(RolesTable, HasEveryMethodOfEveryService) {
  std::set<std::string> methods;
  for (const FileDescriptor* file :
       {v1::ReserveRequest::descriptor()->file(), v1::VerifyRequest::descriptor()->file(),
        v1::QueryUsageRequest::descriptor()->file(), v1::ListAuditRequest::descriptor()->file(),
        v1::ListAlertsRequest::descriptor()->file(),
        v1::internal::PingRequest::descriptor()->file()}) {
    ASSERT_GT(file->service_count(), 0) << file->name();
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto* method = file->service(i)->method(j);
        const std::string path =
            absl::StrCat("/", file->service(i)->full_name(), "/", method->name());
        methods.insert(path);
        ASSERT_NE(RolesFor(path), nullptr) << path << " is missing in libs/auth/role.cc";
        EXPECT_FALSE(RolesFor(path)->empty()) << path << " is for everybody";
      }
    }
  }
  for (const std::string& path : KnownMethods()) {
    if (absl::StartsWith(path, "/grpc.")) continue;
    EXPECT_TRUE(methods.contains(path)) << path << " is no method any more";
  }
}

TEST(RequestScope, IsTheOrgThatTheRequestNames) {
  v1::QueryUsageRequest report;
  EXPECT_EQ(ScopeOf(report).kind, Kind::kDeployment);
  report.set_org("acme");
  EXPECT_EQ(ScopeOf(report).kind, Kind::kOrg);
  EXPECT_EQ(ScopeOf(report).org, "acme");

  v1::ReserveRequest reserve;
  EXPECT_EQ(ScopeOf(reserve).kind, Kind::kDeployment);
  reserve.mutable_subject()->set_org("acme");
  EXPECT_EQ(ScopeOf(reserve).org, "acme");
  reserve.set_key("qpk_");
  EXPECT_EQ(ScopeOf(reserve).kind, Kind::kOrgOfKey);
  v1::ReleaseRequest release;
  release.set_org("acme");
  EXPECT_EQ(ScopeOf(release).org, "acme");
  release.set_key("qpk_");
  EXPECT_EQ(ScopeOf(release).kind, Kind::kOrgOfKey);
  EXPECT_EQ(ScopeOf(v1::internal::PingRequest()).kind, Kind::kNothing);

  v1::PreviewStatementRequest preview;
  preview.mutable_month()->set_org("acme");
  EXPECT_EQ(ScopeOf(preview).org, "acme");

  v1::UpdateKeyRequest update;
  update.mutable_key()->set_org("acme");
  EXPECT_EQ(ScopeOf(update).org, "acme");

  // The request's own org, whatever lies inside it.
  v1::CreateKeyRequest create;
  create.set_org("acme");
  create.mutable_key()->set_org("globex");
  EXPECT_EQ(ScopeOf(create).org, "acme");

  EXPECT_EQ(ScopeOf(v1::ActivatePriceBookRequest()).kind, Kind::kDeployment);
  EXPECT_EQ(ScopeOf(v1::GetStatusRequest()).kind, Kind::kDeployment);
  EXPECT_EQ(ScopeOf(v1::GetPropagationRequest()).kind, Kind::kDeployment);
}

class CallerTest : public ::testing::Test {
 protected:
  struct Refusal {
    std::string who;
    std::string org;
    std::string reason;
  };

  Caller Make(std::vector<Grant> grants) {
    Caller caller;
    caller.principal = std::make_shared<const Principal>(Principal{"p", std::move(grants)});
    caller.method = &method_;
    return caller;
  }

  std::vector<Refusal> refusals_;
  const CalledMethod method_{
      "/quotaplane.v1.ReportService/ExportUsage",
      [this](const Caller& caller, std::string_view org, const absl::Status& status) {
        refusals_.push_back({caller.principal->name, std::string(org), *ReasonOf(status)});
      }};
};

TEST_F(CallerTest, ARefusalSaysWhichRoleIsMissingWhere) {
  const Caller caller = Make({{Role::kFinance, "acme"}, {Role::kViewer, "globex"}});
  EXPECT_TRUE(Authorize(caller, OrgScope("acme")).ok());
  EXPECT_THAT(refusals_, IsEmpty());
  const absl::Status other = Authorize(caller, OrgScope("globex"));
  EXPECT_TRUE(absl::IsPermissionDenied(other));
  EXPECT_EQ(ReasonOf(other), "ROLE_MISSING");
  EXPECT_EQ(MetadataOf(other)["roles"], "finance");
  EXPECT_EQ(MetadataOf(other)["org"], "globex");
  EXPECT_TRUE(absl::IsPermissionDenied(Authorize(caller, OrgScope(""))));
  ASSERT_EQ(refusals_.size(), 2u);
  EXPECT_EQ(refusals_[0].who, "p");
  EXPECT_EQ(refusals_[0].org, "globex");
  EXPECT_EQ(refusals_[0].reason, "ROLE_MISSING");
  EXPECT_EQ(refusals_[1].org, "");
}

TEST_F(CallerTest, AKeysOrgIsAskedForLater) {
  const Caller caller = Make({{Role::kFinance, "acme"}});
  EXPECT_TRUE(Authorize(caller, {Kind::kOrgOfKey, {}}).ok());
  EXPECT_FALSE(Authorize(Make({{Role::kViewer, "acme"}}), {Kind::kOrgOfKey, {}}).ok());
}

TEST_F(CallerTest, NoHandlerSeesWhatItsCallerMayNotAskFor) {
  v1::ExportUsageRequest request;
  request.set_org("globex");
  grpc::ByteBuffer bytes;
  bool owned = false;
  ASSERT_TRUE(
      grpc::SerializationTraits<v1::ExportUsageRequest>::Serialize(request, &bytes, &owned).ok());
  const Caller caller = Make({{Role::kFinance, "acme"}});
  v1::ExportUsageRequest parsed;
  EXPECT_TRUE(
      absl::IsPermissionDenied(ParseRequest("ExportUsageRequest", &bytes, caller, &parsed)));

  grpc::Slice garbage("\xff\xff");
  grpc::ByteBuffer wrong(&garbage, 1);
  EXPECT_TRUE(absl::IsInvalidArgument(ParseRequest("ExportUsageRequest", &wrong, caller, &parsed)));
  grpc::ByteBuffer again(&garbage, 1);
  EXPECT_TRUE(absl::IsPermissionDenied(
      ParseRequest("ExportUsageRequest", &again, Make({{Role::kViewer, "acme"}}), &parsed)));
}

TEST_F(CallerTest, AMethodThatTheTableDoesNotNameIsForNobody) {
  const CalledMethod unknown("/quotaplane.v1.ReportService/Forgotten");
  Caller caller;
  caller.principal = AnonymousPrincipal();
  caller.method = &unknown;
  EXPECT_TRUE(absl::IsPermissionDenied(Authorize(caller, OrgScope("acme"))));
}

}  // namespace
}  // namespace quotaplane
