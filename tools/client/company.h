// A believable company, for generated traffic: six teams, sixty people, a few of whom do most of
// the work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/client/random.h"

namespace quotaplane::client {

struct Person {
  std::string user;
  std::string team;
  std::string project;
  std::string api_key;
};

// Immutable; the same for the same seed. Thread-safe.
class Company {
 public:
  explicit Company(uint64_t seed);

  const std::vector<std::string>& teams() const { return teams_; }
  const std::vector<Person>& people() const { return people_; }
  // Who makes the next request: the busiest fifth makes about half of all.
  const Person& Pick(Random& random) const;

 private:
  std::vector<std::string> teams_;
  std::vector<Person> people_;
  std::vector<double> activity_;  // by person
};

}  // namespace quotaplane::client
