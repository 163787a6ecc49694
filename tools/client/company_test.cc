#include "tools/client/company.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace quotaplane::client {
namespace {

TEST(Company, IsTheSameForTheSameSeed) {
  const Company one(7), same(7), other(8);
  const auto users = [](const Company& company) {
    std::vector<std::string> names;
    for (const Person& person : company.people()) names.push_back(person.user + "@" + person.team);
    return names;
  };
  EXPECT_EQ(users(one), users(same));
  EXPECT_NE(users(one), users(other));
}

TEST(Company, HasSixtyPeopleAndNoEmptyTeam) {
  const Company company(1);
  std::set<std::string> users, teams;
  for (const Person& person : company.people()) {
    users.insert(person.user);
    teams.insert(person.team);
  }
  EXPECT_EQ(users.size(), 60u);
  EXPECT_EQ(teams, std::set<std::string>(company.teams().begin(), company.teams().end()));
}

TEST(Company, TheBusiestFifthMakesAboutHalfOfTheRequests) {
  const Company company(1);
  Random random(1);
  std::map<std::string, int> requests;
  for (int i = 0; i < 20'000; ++i) ++requests[company.Pick(random).user];
  std::vector<int> counts;
  for (const auto& [user, count] : requests) counts.push_back(count);
  std::sort(counts.rbegin(), counts.rend());
  int busiest = 0;
  for (int i = 0; i < 12; ++i) busiest += counts[i];
  EXPECT_GT(busiest, 8'000);
  EXPECT_LT(busiest, 12'000);
}

// Pinned: a seed in a report must mean the same numbers on every machine and for ever.
TEST(Random, IsPinned) {
  Random random(1);
  EXPECT_EQ(random.Next(), 0x21a5715431dc4cc7u);
  EXPECT_EQ(random.Next(), 0xe1a26c101cc38752u);
  EXPECT_EQ(Random(1, 7).Next(), 0x8e15a1e60d1e8efdu);
}

TEST(Random, LogNormalHasItsMedian) {
  Random random(3);
  int below = 0;
  for (int i = 0; i < 10'000; ++i) below += random.LogNormal(1200, 0.8) < 1200;
  EXPECT_NEAR(below, 5'000, 200);
}

TEST(Random, PicksByWeight) {
  Random random(4);
  const double weights[] = {1, 0, 3};
  int counts[3] = {};
  for (int i = 0; i < 10'000; ++i) ++counts[random.Pick(weights)];
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 7'500, 200);
}

}  // namespace
}  // namespace quotaplane::client
