#include "tests/bench/hotpath/population.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "quotaplane/v1/quota.pb.h"

namespace quotaplane::bench {
namespace {

constexpr int kOrgs = 20;
constexpr int kTeamsPerOrg = 25;
constexpr int kProjectsPerOrg = 100;

// A user is always of the same team and project, as people are.
void FillSubject(int user, v1::Subject* subject) {
  const int org = user % kOrgs;
  const int within = user / kOrgs;
  subject->set_org(absl::StrCat("org-", org));
  subject->set_team(absl::StrCat("team-", within % kTeamsPerOrg));
  subject->set_project(absl::StrCat("project-", within % kProjectsPerOrg));
  subject->set_user(absl::StrCat("user-", user, "@example.com"));
  subject->set_model("bench-model");
}

void FillUsage(int64_t input, int64_t output, v1::Usage* usage) {
  (*usage->mutable_meters())["input"] = input;
  (*usage->mutable_meters())["output"] = output;
}

}  // namespace

Population::Population(int users, std::string run) : run_(std::move(run)) {
  for (int user = 0; user < users; ++user) {
    v1::ReserveRequest reserve;
    FillSubject(user, reserve.mutable_subject());
    FillUsage(1'200, 800, reserve.mutable_estimate());
    reserve_rest_.emplace_back(reserve.SerializeAsString());

    v1::CommitRequest commit;
    FillSubject(user, commit.mutable_subject());
    FillUsage(1'200, 350, commit.add_attempts()->mutable_usage());
    commit_rest_.emplace_back(commit.SerializeAsString());
  }
}

grpc::ByteBuffer Population::Reserve(int64_t sequence) const {
  return Join(sequence, reserve_rest_);
}

grpc::ByteBuffer Population::Commit(int64_t sequence) const { return Join(sequence, commit_rest_); }

grpc::ByteBuffer Population::Empty() const {
  const grpc::Slice none;
  return grpc::ByteBuffer(&none, 1);
}

grpc::ByteBuffer Population::Join(int64_t sequence, const std::vector<grpc::Slice>& rest) const {
  // Field 1, length-delimited: reservation_id in both messages.
  std::string field = absl::StrCat("\x0a ", run_, "-", sequence);
  field[1] = static_cast<char>(field.size() - 2);
  const grpc::Slice slices[] = {grpc::Slice(field),
                                rest[static_cast<size_t>(sequence) % rest.size()]};
  return grpc::ByteBuffer(slices, 2);
}

}  // namespace quotaplane::bench
