#include "tests/bench/hotpath/population.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quotaplane/v1/quota.pb.h"

namespace quotaplane::bench {
namespace {

template <typename Message>
Message Parsed(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST(PopulationTest, JoinedSlicesAreTheMessage) {
  const Population population(1'000, "run-1");
  const auto reserve = Parsed<v1::ReserveRequest>(population.Reserve(2'007));
  EXPECT_EQ(reserve.reservation_id(), "run-1-2007");
  EXPECT_EQ(reserve.subject().user(), "user-7@example.com");
  EXPECT_EQ(reserve.subject().org(), "org-7");
  EXPECT_EQ(reserve.estimate().meters().at("output"), 800);
}

TEST(PopulationTest, CommitNamesTheReservationAndSubjectOfItsReserve) {
  const Population population(1'000, "run-2");
  for (const int64_t sequence : {int64_t{0}, int64_t{999}, int64_t{123'456'789'012}}) {
    const auto reserve = Parsed<v1::ReserveRequest>(population.Reserve(sequence));
    const auto commit = Parsed<v1::CommitRequest>(population.Commit(sequence));
    EXPECT_EQ(commit.reservation_id(), reserve.reservation_id());
    EXPECT_EQ(commit.subject().SerializeAsString(), reserve.subject().SerializeAsString());
    ASSERT_EQ(commit.attempts_size(), 1);
  }
}

TEST(PopulationTest, EmptyIsEmpty) { EXPECT_EQ(Population(1, "run").Empty().Length(), 0); }

}  // namespace
}  // namespace quotaplane::bench
